/**
 * Packets as a client accepts them: Maximum Packet Size, topic aliases, problem information; and what no packet can
 * carry.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Decoder } from '../../../lib/codec/decode/decoder.js'
import { dialectOf } from '../../../lib/codec/dialect.js'
import { PublishMessage } from '../../../lib/codec/publish-message.js'
import { Frame } from '../../../lib/codec/wire/frame.js'
import { type ConnectParameters, INITIAL_PARAMETERS } from '../../../lib/connection/connect/connect-parameters.js'
import { PacketEncoder } from '../../../lib/connection/stream/packet-encoder.js'
import { Delivery } from '../../../lib/model/delivery.js'
import type { ResolvedOptions } from '../../../lib/ports/resolved-options.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { Timers } from '../../../lib/util/scheduling/timers.js'
import type { Packet, ProtocolVersion, PublishProperties } from '../../../types/message/packets.js'
import { decodeFrame } from '../../session/support.js'

const clock = new FakeClock()
const timers = new Timers(clock)

function encoder(
  parameters: Partial<ConnectParameters> = {},
  { version = 5 as ProtocolVersion, aliases = 16 } = {},
): PacketEncoder {
  const options = { maxOutboundTopicAliases: aliases } as ResolvedOptions
  return new PacketEncoder(dialectOf(version), { ...INITIAL_PARAMETERS, ...parameters }, options)
}

function decode(frame: Frame | undefined): Packet & { properties?: { reasonString?: unknown } } {
  assert(frame !== undefined)
  const decoder = new Decoder({ side: 'client', protocolVersion: 5 })
  decoder.push(frame.bytes)
  return decoder.next() as Packet & { properties?: { reasonString?: unknown } }
}

function delivery(topic: string, payload = 'x', properties?: PublishProperties): Delivery {
  const message = new PublishMessage(topic, Buffer.from(payload), 1, false, false, undefined, properties)
  return new Delivery(message, 1, false, undefined, undefined)
}

/** The packets that a client gets for a series of messages. */
function sent(by: PacketEncoder, ...deliveries: Delivery[]): [topic: string, alias: number | undefined][] {
  return deliveries.map(each => {
    const frame = by.publish(each, 'first', timers)
    assert(frame instanceof Frame, String(frame))
    const { topic, properties } = decodeFrame(frame, 5, 1)
    return [topic, properties?.topicAlias]
  })
}

const PUBACK = { cmd: 'puback', messageId: 1, reasonCode: 0x80 } as const
const explained = { reasonString: 'because', userProperties: { a: 'b' } }

describe('the Reason String and User Properties of an answer', () => {
  it('are written if the client wants them', () => {
    const packet = decode(encoder().packet({ ...PUBACK, properties: explained }))
    assert.equal(packet.properties?.reasonString, 'because')
  })

  it('are omitted if the client wants none, except in CONNACK and DISCONNECT', () => {
    const quiet = encoder({ problemInformation: false })
    for (const cmd of ['puback', 'pubrec'] as const) {
      assert.equal(decode(quiet.packet({ ...PUBACK, cmd, properties: explained })).properties, undefined)
    }
    const connack = { cmd: 'connack', sessionPresent: false, reasonCode: 0x87, properties: explained } as const
    assert.equal(decode(quiet.packet(connack)).properties?.reasonString, 'because')
    const disconnect = { cmd: 'disconnect', reasonCode: 0x8b, properties: explained } as const
    assert.equal(decode(quiet.packet(disconnect)).properties?.reasonString, 'because')
  })

  it('are omitted if they make the packet too large; a packet that is too large without them is not sent', () => {
    const packet = { ...PUBACK, properties: { reasonString: 'x'.repeat(50) } }
    const short = encoder({ maximumPacketSize: 20 }).packet(packet)
    assert.equal(decode(short).properties, undefined)
    assert.equal((decode(short) as typeof packet).reasonCode, 0x80)
    assert.equal(encoder({ maximumPacketSize: 4 }).packet(packet), undefined)
  })

  it('are omitted if MQTT cannot encode them', () => {
    for (const properties of [{ reasonString: 'a\0' }, { reasonString: 'x'.repeat(70_000) }, { reasonString: 7 }]) {
      assert.equal(decode(encoder().packet({ ...PUBACK, properties } as Packet)).properties, undefined)
    }
  })
})

describe('a server reference', () => {
  const refusal = (properties: object) =>
    decode(encoder({ maximumPacketSize: 40 }).packet({ cmd: 'disconnect', reasonCode: 0x9c, properties } as Packet))

  it('is sent even if there is no room for Reason String and User Properties', () => {
    const properties = refusal({ serverReference: 'other:1883', reasonString: 'x'.repeat(100) }).properties
    assert.deepEqual({ ...properties }, { serverReference: 'other:1883' })
  })

  it('is omitted if MQTT cannot encode it, and the reason code is still sent', () => {
    for (const serverReference of ['a\0b', '\ud800', 7]) {
      const packet = refusal({ serverReference })
      assert.deepEqual([packet.cmd, packet.properties], ['disconnect', undefined])
    }
  })
})

describe('a message', () => {
  it('that is too large for the client is not sent', () => {
    const small = encoder({ maximumPacketSize: 30 })
    assert.equal(small.publish(delivery('topic', 'x'.repeat(30)), 'first', timers), 'packet-too-large')
    assert(small.publish(delivery('topic', 'x'), 'first', timers) instanceof Frame)
  })

  it('that a hook made invalid is not sent, and causes no error', () => {
    const unfit = delivery('topic')
    unfit.message.properties = { contentType: 'a\0' }
    assert.equal(encoder().publish(unfit, 'first', timers), 'not-encodable')
    assert.equal(encoder({ topicAliasMaximum: 5 }).publish(unfit, 'first', timers), 'not-encodable')
    assert(encoder({}, { version: 4 }).publish(unfit, 'first', timers) instanceof Frame, '3.1.1 has no properties')
  })

  it('has DUP when it is sent again, and only then', () => {
    const message = delivery('topic')
    const dup = (attempt: 'first' | 'again') => {
      const frame = encoder().publish(message, attempt, timers)
      return decodeFrame(frame as Frame, 5, 1).dup
    }
    assert.deepEqual([dup('first'), dup('again'), dup('first')], [false, true, false])
  })

  it('has the remaining seconds of its expiry at the time of sending', async () => {
    const message = delivery('topic')
    message.message.messageExpiry = clock.now() + 10_000
    const left = () => {
      const frame = encoder().publish(message, 'first', timers)
      return decodeFrame(frame as Frame, 5, 1).properties?.messageExpiryInterval
    }
    assert.equal(left(), 10)
    await clock.advance(4000)
    assert.equal(left(), 6)
  })
})

describe('topic aliases', () => {
  it('are assigned to the first topics, sent with the topic once, and then alone', () => {
    const two = encoder({ topicAliasMaximum: 2 })
    const [a, b, c] = ['topic/a', 'topic/b', 'topic/c'].map(topic => delivery(topic))
    assert.deepEqual(sent(two, a!, b!, c!, a!, b!, c!), [
      ['topic/a', 1],
      ['topic/b', 2],
      ['topic/c', undefined],
      ['', 1],
      ['', 2],
      ['topic/c', undefined],
    ])
  })

  it('are limited by client and broker, and do not exist before 5.0', () => {
    const topics = ['topic/a', 'topic/b'].map(topic => delivery(topic))
    assert.deepEqual(
      sent(encoder({ topicAliasMaximum: 10 }, { aliases: 1 }), ...topics).map(([, alias]) => alias),
      [1, undefined],
    )
    assert.deepEqual(
      sent(encoder({ topicAliasMaximum: 0 }), ...topics).map(([, alias]) => alias),
      [undefined, undefined],
    )
  })

  it('are not defined by a packet that was not sent', () => {
    const tight = encoder({ topicAliasMaximum: 1, maximumPacketSize: 30 })
    assert.equal(tight.publish(delivery('topic/a', 'x'.repeat(30)), 'first', timers), 'packet-too-large')
    const unfit = delivery('topic/a')
    unfit.message.properties = { contentType: 'a\0' }
    assert.equal(tight.publish(unfit, 'first', timers), 'not-encodable')
    assert.deepEqual(sent(tight, delivery('topic/b'), delivery('topic/b')), [
      ['topic/b', 1],
      ['', 1],
    ])
  })

  it('are not used if the packet fits only without one', () => {
    const whole = encoder().publish(delivery('topic/a', 'x'), 'first', timers) as Frame
    const tight = encoder({ topicAliasMaximum: 5, maximumPacketSize: whole.length })
    assert.deepEqual(sent(tight, delivery('topic/a'), delivery('topic/a')), [
      ['topic/a', undefined],
      ['topic/a', undefined],
    ])
  })
})
