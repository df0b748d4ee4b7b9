/**
 * Frames: a message encoded once, with a hole for each receiver's packet identifier.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encode, frames, publishFrame } from '../../lib/codec/encode/encoder.js'
import type { Frame } from '../../lib/codec/wire/frame.js'
import type { PublishProperties, QoS } from '../../types/message/packets.js'
import { decodeOne, plain } from './support.js'

const plainly = { retain: false, dup: false }

function bytesOf(frame: Frame, packetId: number): Buffer {
  const target = Buffer.alloc(frame.length + 3, 0xee)
  assert.equal(frame.copyTo(target, 2, packetId), frame.length + 2)
  assert.equal(target[0], 0xee)
  assert.equal(target[1], 0xee)
  assert.equal(target[frame.length + 2], 0xee)
  return target.subarray(2, -1)
}

describe('publish frame', () => {
  const properties: PublishProperties = {
    contentType: 'text/plain',
    topicAlias: 9,
    subscriptionIdentifier: 8,
    messageExpiryInterval: 7,
    correlationData: Buffer.from([1]),
  }

  for (const size of [0, 1, 64, 127, 128, 2048, 2049, 20_000, 3_000_000]) {
    it(`equals an encoded packet, ${size} bytes`, () => {
      const payload = Buffer.alloc(size, 'p')
      for (const version of [3, 4, 5] as const) {
        for (const qos of [0, 1, 2] as QoS[]) {
          const topic = 'sensors/température'
          const frame = publishFrame({ topic, payload, properties }, version, { qos, ...plainly })
          const forwarded = { contentType: 'text/plain', correlationData: Buffer.from([1]) }
          const packet = { cmd: 'publish', topic, payload, qos, ...plainly, properties: forwarded } as const
          const expected = encode(qos === 0 ? packet : { ...packet, messageId: 0xabcd }, version)
          assert.ok(bytesOf(frame, 0xabcd).equals(expected))
          assert.equal(frame.length, expected.length)
        }
      }
    })
  }

  it('does not copy a large payload', () => {
    const payload = Buffer.alloc(100_000)
    const frame = publishFrame({ topic: 'a', payload, properties: undefined }, 4, { qos: 0, ...plainly })
    assert.equal(frame.payload, payload)
    assert.ok(frame.bytes.length < 20)
  })

  it('[5.0 MQTT-3.3.4-3] [5.0 MQTT-3.3.4-4] has all subscription identifiers of the delivery, not those of the message', () => {
    const message = { topic: 'a', payload: Buffer.from('x'), properties }
    const frame = publishFrame(message, 5, {
      qos: 1,
      retain: true,
      dup: true,
      subscriptionIdentifiers: [1, 1, 300],
      topicAlias: 2,
      omitTopic: true,
      messageExpiryInterval: 59,
    })
    assert.deepEqual(plain(decodeOne(bytesOf(frame, 513), 'client', 5)), {
      cmd: 'publish',
      topic: '',
      payload: 'buffer:78',
      qos: 1,
      retain: true,
      dup: true,
      messageId: 513,
      properties: {
        contentType: 'text/plain',
        correlationData: 'buffer:01',
        messageExpiryInterval: 59,
        topicAlias: 2,
        subscriptionIdentifier: [1, 1, 300],
      },
    })
  })

  it('[5.0 MQTT-3.3.2-4] [5.0 MQTT-3.3.2-15] [5.0 MQTT-3.3.2-16] [5.0 MQTT-3.3.2-20] passes the properties of a message on unchanged', () => {
    const own: PublishProperties = {
      payloadFormatIndicator: true,
      responseTopic: 'r/é',
      correlationData: Buffer.from([0, 255]),
      contentType: 'a/b',
    }
    const frame = publishFrame({ topic: 'a', payload: Buffer.alloc(0), properties: own }, 5, { qos: 0, ...plainly })
    const packet = decodeOne(frame.bytes, 'client', 5)
    assert.deepEqual(packet.cmd === 'publish' && packet.properties, own)
  })

  it('[3.1.1 MQTT-3.3.1-2] [5.0 MQTT-3.3.1-2] has no DUP at QoS 0', () => {
    const frame = publishFrame({ topic: 'a', payload: Buffer.alloc(0), properties: undefined }, 4, {
      qos: 0,
      retain: false,
      dup: true,
    })
    assert.equal(frame.bytes[0], 0x30)
    assert.equal(encode({ cmd: 'publish', topic: 'a', payload: '', qos: 0, retain: false, dup: true }, 5)[0], 0x30)
  })

  it('does not change when others are encoded', () => {
    const made: [Frame, string][] = []
    for (let i = 0; i < 5000; i++) {
      const frame = publishFrame({ topic: `t/${i}`, payload: Buffer.alloc(i % 300, 'x'), properties: undefined }, 4, {
        qos: 1,
        ...plainly,
      })
      made.push([frame, frame.bytes.toString('hex')])
    }
    for (const [frame, bytes] of made) assert.equal(frame.bytes.toString('hex'), bytes)
  })
})

describe('constant frames', () => {
  for (const version of [3, 4, 5] as const) {
    it(`are what version ${version} encodes`, () => {
      for (const cmd of ['puback', 'pubrec', 'pubrel', 'pubcomp'] as const) {
        assert.deepEqual(bytesOf(frames[cmd], 0x1234), encode({ cmd, messageId: 0x1234 }, version))
      }
      for (const cmd of ['pingreq', 'pingresp'] as const)
        assert.deepEqual(bytesOf(frames[cmd], 0), encode({ cmd }, version))
    })
  }
})
