/** mqtt-packet reads and writes the same bytes, except for the differences listed here. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import mqttPacket, { type Packet as TheirPacket } from 'mqtt-packet'
import { encode } from '../../lib/codec/encode/encoder.js'
import type { ErrorCode } from '../../lib/errors.js'
import type { Packet, ProtocolVersion } from '../../types/message/packets.js'
import { runs } from '../support/effort.js'
import { packets } from './arbitraries.js'
import { decodeAll, decodeOne, hex, packetOf, plain } from './support.js'

function theirBytes(packet: Packet, version: ProtocolVersion): Buffer {
  // Without options, mqtt-packet writes the properties of the previous packet
  return mqttPacket.generate(structuredCloneOf(packet), { protocolVersion: version })
}

/** mqtt-packet may delete properties of its argument. */
function structuredCloneOf(packet: Packet): TheirPacket {
  return { ...packet } as TheirPacket
}

function theirPacket(bytes: Buffer, version: ProtocolVersion): Record<string, unknown> {
  const parser = mqttPacket.parser({ protocolVersion: version })
  const parsed: unknown[] = []
  parser.on('packet', packet => parsed.push(packet))
  parser.on('error', error => {
    throw error
  })
  parser.parse(bytes)
  assert.equal(parsed.length, 1)
  return parsed[0] as Record<string, unknown>
}

/** A packet of mqtt-packet without the fields of PUBLISH that all of its packets have. */
function reduced(packet: Record<string, unknown>): Packet {
  const { length: _length, ...rest } = packet
  if (packet.cmd === 'publish') return rest as unknown as Packet
  const { retain: _retain, qos: _qos, dup: _dup, topic: _topic, payload: _payload, ...other } = rest
  // Before 5.0 mqtt-packet omits `granted` from UNSUBACK; here it is empty
  if (packet.cmd === 'unsuback') return { granted: [], ...other } as unknown as Packet
  return other as unknown as Packet
}

/** mqtt-packet cannot read the short form of "success" in AUTH, although it writes it as we do. */
const comparable = (packet: Packet) => packet.cmd !== 'auth' || packet.properties !== undefined

describe('mqtt-packet', () => {
  for (const version of [3, 4, 5] as const) {
    for (const side of ['broker', 'client'] as const) {
      const arbitrary = packets(version, side).filter(comparable)

      it(`reads what is encoded here, version ${version}, read by a ${side}`, () => {
        const property = fc.property(arbitrary, packet => {
          assert.deepEqual(plain(reduced(theirPacket(encode(packet, version), version))), plain(packet))
        })
        fc.assert(property, { numRuns: runs(500) })
      })

      it(`writes what is decoded here, version ${version}, read by a ${side}`, () => {
        const property = fc.property(arbitrary, packet => {
          assert.deepEqual(plain(decodeOne(theirBytes(packet, version), side, version)), plain(packet))
        })
        fc.assert(property, { numRuns: runs(500) })
      })
    }
  }
})

/** What mqtt-packet accepts and the standard forbids; each is refused here. */
const LENIENT: [what: string, bytes: Buffer, version: ProtocolVersion, code: ErrorCode][] = [
  ['DUP with QoS 0', packetOf(0x38, "00 01 'a'"), 4, 'ANAX_ERR_MALFORMED'],
  ['a wildcard in a topic name', packetOf(0x30, "00 01 '#'"), 4, 'ANAX_ERR_TOPIC_NAME'],
  ['an empty topic name before 5.0', packetOf(0x30, '00 00'), 4, 'ANAX_ERR_TOPIC_NAME'],
  ['an empty topic name without an alias', packetOf(0x30, '00 00 00'), 5, 'ANAX_ERR_PROTOCOL'],
  ['a filter that is none', packetOf(0x82, "00 01 00 03 'a#b' 00"), 4, 'ANAX_ERR_TOPIC_FILTER'],
  ['U+0000', packetOf(0x30, "00 03 'a' 00 'b'"), 4, 'ANAX_ERR_MALFORMED'],
  ['bytes that are not UTF-8, which it replaces by U+FFFD', packetOf(0x30, '00 02 c0 80'), 4, 'ANAX_ERR_MALFORMED'],
  ['packet identifier 0', hex('40 02 00 00'), 4, 'ANAX_ERR_PROTOCOL'],
  ['SUBSCRIBE without a filter', hex('82 02 00 01'), 4, 'ANAX_ERR_PROTOCOL'],
  ['UNSUBSCRIBE without a filter', hex('a2 02 00 01'), 4, 'ANAX_ERR_PROTOCOL'],
  ['bytes after the end of a PUBACK', hex('40 03 00 01 00'), 4, 'ANAX_ERR_MALFORMED'],
  ['bytes after the end of a CONNECT', packetOf(0x10, "00 04 'MQTT' 04 02 00 00 00 00 ff"), 4, 'ANAX_ERR_MALFORMED'],
  ['content in PINGREQ', hex('c0 01 00'), 4, 'ANAX_ERR_MALFORMED'],
  ['will QoS 3', packetOf(0x10, "00 04 'MQTT' 04 1e 00 00 00 00 00 01 'w' 00 00"), 4, 'ANAX_ERR_MALFORMED'],
  [
    'a password without user name before 5.0',
    packetOf(0x10, "00 04 'MQTT' 04 42 00 00 00 00 00 00"),
    4,
    'ANAX_ERR_MALFORMED',
  ],
  ['level 4 under the name of 3.1', packetOf(0x10, "00 06 'MQIsdp' 04 02 00 00 00 00"), 4, 'ANAX_ERR_PROTOCOL_VERSION'],
  ['level 3 under the name of 3.1.1', packetOf(0x10, "00 04 'MQTT' 03 02 00 00 00 00"), 4, 'ANAX_ERR_PROTOCOL_VERSION'],
  ['a bridge of 5.0', packetOf(0x10, "00 04 'MQTT' 85 02 00 00 00 00 00"), 5, 'ANAX_ERR_PROTOCOL_VERSION'],
  ['lengths in more bytes than needed', hex("30 84 00 00 01 'a' 00"), 5, 'ANAX_ERR_MALFORMED'],
  ['a property of another packet', packetOf(0x30, "00 01 'a' 03 21 00 01"), 5, 'ANAX_ERR_MALFORMED'],
  ['a property twice', packetOf(0x30, "00 01 'a' 08 03 00 01 'a' 03 00 01 'b'"), 5, 'ANAX_ERR_PROTOCOL'],
  ['a boolean of 2', packetOf(0x30, "00 01 'a' 02 01 02"), 5, 'ANAX_ERR_PROTOCOL'],
  ['topic alias 0', packetOf(0x30, "00 01 'a' 03 23 00 00"), 5, 'ANAX_ERR_TOPIC_ALIAS'],
  ['subscription identifier 0', packetOf(0x82, "00 01 02 0b 00 00 01 'a' 00"), 5, 'ANAX_ERR_PROTOCOL'],
  ['a wildcard in the response topic', packetOf(0x30, "00 01 'a' 04 08 00 01 '#'"), 5, 'ANAX_ERR_PROTOCOL'],
  [
    'authentication data without a method',
    packetOf(0x10, "00 04 'MQTT' 05 02 00 00 03 16 00 00 00 00"),
    5,
    'ANAX_ERR_PROTOCOL',
  ],
  ['AUTH without a method', hex('f0 02 18 00'), 5, 'ANAX_ERR_PROTOCOL'],
]

describe('what mqtt-packet accepts although the standard forbids it', () => {
  for (const [what, bytes, version, code] of LENIENT) {
    it(what, () => {
      theirPacket(bytes, version)
      assert.equal(decodeAll(bytes, 'broker', version).error?.code, code)
    })
  }
})

describe('how mqtt-packet handles valid packets differently', () => {
  it('accepts packets of either direction, while this decoder knows its side', () => {
    theirPacket(hex('20 02 00 00'), 4)
    assert.equal(decodeAll(hex('20 02 00 00'), 'broker', 4).error?.code, 'ANAX_ERR_PROTOCOL')
  })

  it('loses the empty value of a User Property whose name is repeated', () => {
    const bytes = packetOf(0x30, "00 01 'a' 0d 26 00 01 'k' 00 00 26 00 01 'k' 00 01 'v'")
    assert.deepEqual(plain(reduced(theirPacket(bytes, 5))), { ...base, properties: { userProperties: { k: 'v' } } })
    assert.deepEqual(plain(decodeOne(bytes, 'broker', 5)), {
      ...base,
      properties: { userProperties: { k: ['', 'v'] } },
    })
  })

  it('cannot read the short form of AUTH', () => {
    assert.throws(() => theirPacket(hex('f0 00'), 5), /auth reason code/)
    assert.deepEqual(decodeOne(hex('f0 00'), 'client', 5), { cmd: 'auth', reasonCode: 0 })
  })

  it('does not know the DUP flag that 3.1 has in PUBREL, SUBSCRIBE and UNSUBSCRIBE', () => {
    assert.throws(() => theirPacket(hex('6a 02 00 01'), 3), /header flag/)
    assert.deepEqual(decodeOne(hex('6a 02 00 01'), 'broker', 3), { cmd: 'pubrel', messageId: 1 })
  })

  it('refuses to write a password without user name, which 5.0 allows', () => {
    const connect = {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clean: true,
      keepalive: 0,
      clientId: 'c',
    } as const
    const packet: Packet = { ...connect, password: Buffer.from('p') }
    assert.throws(() => theirBytes(packet, 5), /Username is required/)
    assert.deepEqual(plain(decodeOne(encode(packet, 5), 'broker', 5)), plain(packet))
  })
})

const base = { cmd: 'publish', topic: 'a', payload: 'buffer:', qos: 0, retain: false, dup: false }
