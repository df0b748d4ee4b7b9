/**
 * What the encoder refuses to write, and that a refusal leaves nothing behind.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encode, publishFrame } from '../../lib/codec/encode/encoder.js'
import { AnaxError } from '../../lib/errors.js'
import type { Packet, ProtocolVersion } from '../../types/message/packets.js'
import { decodeOne } from './support.js'

const publish = { cmd: 'publish', topic: 'a', payload: 'x', qos: 0, dup: false, retain: false } as const
const connect = {
  cmd: 'connect',
  protocolId: 'MQTT',
  protocolVersion: 5,
  clean: true,
  keepalive: 0,
  clientId: 'c',
} as const

/** These packets are wrong on purpose; the compiler refuses most of them, too. */
const REFUSED: [title: string, packet: unknown, version: ProtocolVersion, detail: RegExp][] = [
  ['an unknown packet', { cmd: 'hello' }, 4, /unknown packet 'hello'/],
  ['a topic that is too long', { ...publish, topic: 'x'.repeat(65_536) }, 4, /topic of 65536 characters/],
  ['a topic that is too long in UTF-8', { ...publish, topic: '€'.repeat(21_846) }, 4, /topic of 65538 bytes/],
  ['a topic that is no string', { ...publish, topic: undefined }, 4, /topic has to be a string/],
  ['[3.1.1 MQTT-1.5.3-1] a lone surrogate', { ...publish, topic: 'a\ud800' }, 4, /lone surrogate in the topic/],
  ['[3.1.1 MQTT-1.5.3-2] U+0000', { ...publish, topic: 'a\0' }, 4, /U\+0000 in the topic/],
  ['[5.0 MQTT-1.5.4-1] a lone surrogate', { ...publish, topic: 'a\udc00b' }, 5, /lone surrogate in the topic/],
  ['[5.0 MQTT-1.5.4-2] U+0000', { ...publish, topic: '\0é' }, 5, /U\+0000 in the topic/],
  ['QoS 3', { ...publish, qos: 3, messageId: 1 }, 4, /QoS 3/],
  ['packet identifier 0', { ...publish, qos: 1, messageId: 0 }, 4, /packet identifier 0/],
  ['no packet identifier', { ...publish, qos: 1 }, 4, /packet identifier undefined/],
  ['packet identifier 65536', { cmd: 'puback', messageId: 65_536 }, 4, /PUBACK: packet identifier 65536/],
  ['packet identifier 1.5', { cmd: 'subscribe', messageId: 1.5, subscriptions: [] }, 4, /packet identifier 1.5/],
  ['a payload of another kind', { ...publish, payload: 5 }, 4, /payload has to be a Buffer/],
  ['an unknown property', { ...publish, properties: { colour: 'red' } }, 5, /property colour/],
  ['a property of another packet', { ...publish, properties: { receiveMaximum: 5 } }, 5, /property receiveMaximum/],
  ['a property of another kind', { ...publish, properties: { contentType: 5 } }, 5, /contentType has to be a string/],
  ['a number for a boolean', { ...publish, properties: { payloadFormatIndicator: 1 } }, 5, /has to be a boolean/],
  ['topic alias 0', { ...publish, properties: { topicAlias: 0 } }, 5, /topicAlias 0/],
  ['a negative interval', { ...publish, properties: { messageExpiryInterval: -1 } }, 5, /messageExpiryInterval -1/],
  ['a wildcard in the response topic', { ...publish, properties: { responseTopic: 'a/#' } }, 5, /not a topic name/],
  [
    'correlation data that is too long',
    { ...publish, properties: { correlationData: Buffer.alloc(65_536) } },
    5,
    /65536 bytes/,
  ],
  ['user properties of another kind', { ...publish, properties: { userProperties: 'a' } }, 5, /has to be an object/],
  [
    'a user property of another kind',
    { ...publish, properties: { userProperties: { a: 1 } } },
    5,
    /has to be a string/,
  ],
  [
    'several content types',
    { ...publish, properties: { contentType: ['a', 'b'] } },
    5,
    /contentType has to be a string/,
  ],
  [
    '[5.0 MQTT-3.4.2-1] a reason code of another packet',
    { cmd: 'puback', messageId: 1, reasonCode: 0x92 },
    5,
    /reason code 146/,
  ],
  [
    '[5.0 MQTT-3.2.2-8] a reason code that is not for CONNACK',
    { cmd: 'connack', sessionPresent: false, reasonCode: 0x10 },
    5,
    /reason code 16/,
  ],
  ['no reason code in CONNACK', { cmd: 'connack', sessionPresent: false, returnCode: 0 }, 5, /reason code undefined/],
  ['no return code in CONNACK', { cmd: 'connack', sessionPresent: false, reasonCode: 0 }, 4, /return code undefined/],
  [
    '[3.1.1 MQTT-3.9.3-2] a reason code in SUBACK',
    { cmd: 'suback', messageId: 1, granted: [0x87] },
    4,
    /return code 135/,
  ],
  [
    '[5.0 MQTT-3.9.3-2] a reason code that is not for SUBACK',
    { cmd: 'suback', messageId: 1, granted: [0x11] },
    5,
    /reason code 17/,
  ],
  [
    '[5.0 MQTT-3.11.3-2] a reason code that is not for UNSUBACK',
    { cmd: 'unsuback', messageId: 1, granted: [1] },
    5,
    /reason code 1/,
  ],
  [
    '[5.0 MQTT-3.14.2-1] a reason code that is not for DISCONNECT',
    { cmd: 'disconnect', reasonCode: 0x10 },
    5,
    /reason code 16/,
  ],
  ['no filter', { cmd: 'subscribe', messageId: 1, subscriptions: [] }, 4, /no topic filter/],
  ['no filter to unsubscribe', { cmd: 'unsubscribe', messageId: 1, unsubscriptions: [] }, 5, /no topic filter/],
  [
    'retain handling 3',
    { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0, rh: 3 }] },
    5,
    /handling 3/,
  ],
  ['AUTH before 5.0', { cmd: 'auth', reasonCode: 0 }, 4, /no such packet/],
  ['an unknown version', { ...connect, protocolVersion: 6 }, 5, /protocol version 6/],
  [
    'a password without user name',
    { ...connect, protocolVersion: 4, password: Buffer.from('p') },
    4,
    /password without/,
  ],
  ['a keep alive that is too long', { ...connect, keepalive: 65_536 }, 5, /keep alive 65536/],
  ['a will with QoS 3', { ...connect, will: { topic: 'w', payload: '', qos: 3, retain: false } }, 5, /will QoS 3/],
]

describe('encoder', () => {
  for (const [title, packet, version, detail] of REFUSED) {
    it(`refuses ${title}`, () => {
      assert.throws(
        () => encode(packet as Packet, version),
        (error: unknown) =>
          error instanceof AnaxError && error.code === 'ANAX_ERR_ARGUMENT' && detail.test(error.message),
      )
      // The writer works as before
      assert.equal(encode({ cmd: 'puback', messageId: 1 }, 4).toString('hex'), '40020001')
    })
  }

  it('refuses a packet that is too large for any remaining length', () => {
    const payload = Buffer.alloc(268_435_455)
    const options = { qos: 0, retain: false, dup: false } as const
    assert.throws(() => publishFrame({ topic: 'a', payload, properties: undefined }, 4, options), {
      code: 'ANAX_ERR_ARGUMENT',
    })
    const largest = publishFrame({ topic: 'a', payload: payload.subarray(3), properties: undefined }, 4, options)
    assert.equal(largest.length, 268_435_460)
  })

  it('[5.0 MQTT-1.5.5-1] writes lengths in as few bytes as they need', () => {
    for (const length of [0, 100, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
      const bytes = encode({ ...publish, payload: Buffer.alloc(length) }, 5)
      const head = bytes.length - length - 4
      assert.equal(head, 1 + (length + 4 < 128 ? 1 : length + 4 < 16_384 ? 2 : length + 4 < 2_097_152 ? 3 : 4))
    }
  })

  it('writes property lists of any length', () => {
    for (const size of [0, 50, 100, 121, 122, 123, 200, 16_370, 16_380, 16_390, 40_000, 60_000]) {
      const userProperties = { k: 'v'.repeat(size), l: ['w'.repeat(size), ''] }
      const bytes = encode({ ...publish, properties: { userProperties } }, 5)
      const packet = decodeOne(bytes, 'broker', 5)
      assert.deepEqual({ ...(packet.cmd === 'publish' && packet.properties?.userProperties) }, userProperties)
    }
  })

  it('leaves out undefined properties', () => {
    const properties = { contentType: undefined } as unknown as { contentType: string }
    assert.equal(encode({ ...publish, properties }, 5).toString('hex'), encode(publish, 5).toString('hex'))
  })
})
