/** The packet in which a message arrived: which messages refer to it, and when the reference is no longer valid. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { encode } from '../../lib/codec/encode/encoder.js'
import { ownPayload, PublishMessage, receivedPacket } from '../../lib/codec/publish-message.js'
import type { ProtocolVersion, PublishPacket } from '../../types/message/packets.js'
import { decodeChunks, decodeOne, packetOf } from './support.js'

const packet: PublishPacket = { cmd: 'publish', topic: 'a/b', payload: 'x', qos: 0, retain: false, dup: false }

function received(bytes: Buffer, version: ProtocolVersion): PublishMessage {
  const message = decodeOne(bytes, 'broker', version)
  assert(message instanceof PublishMessage)
  return message
}

describe('the packet that a message came in', () => {
  it('has the received bytes, for receivers with the same format', () => {
    for (const version of [3, 4, 5] as const) {
      for (const retain of [false, true]) {
        const bytes = encode({ ...packet, retain }, version)
        const message = received(bytes, version)
        for (const other of [3, 4, 5] as const) {
          const isSame = (version === 5) === (other === 5)
          assert.deepEqual(receivedPacket(message, other)?.bytes, isSame ? bytes : undefined)
        }
      }
    }
  })

  it('gets the packet identifier of its receiver', () => {
    for (const version of [3, 4, 5] as const) {
      for (const qos of [1, 2] as const) {
        for (const payload of ['', 'x', 'x'.repeat(200)]) {
          const sent: PublishPacket = { ...packet, topic: 'ü/b', payload, qos, messageId: 0x0102 }
          const frame = receivedPacket(received(encode(sent, version), version), version)!
          const copy = Buffer.alloc(frame.length)
          frame.copyTo(copy, 0, 0xfffe)
          assert.deepEqual(copy, encode({ ...sent, messageId: 0xfffe }, version))
        }
      }
    }
  })

  it('equals the encoded message, for all chunks', () => {
    const publish = fc.record({
      topic: fc.constantFrom('a', 'b/c', 'ü'),
      payload: fc.string({ maxLength: 200 }),
      retain: fc.boolean(),
      qos: fc.constantFrom(0, 1, 2),
      messageId: fc.integer({ min: 1, max: 0xffff }),
    })
    fc.assert(
      fc.property(fc.array(publish, { minLength: 1 }), fc.array(fc.nat({ max: 300 })), (publishes, cuts) => {
        const packets = publishes.map(fields => encode({ ...packet, ...fields }, 4))
        const chunks: Buffer[] = []
        let rest = Buffer.concat(packets)
        for (const cut of cuts) {
          chunks.push(rest.subarray(0, cut))
          rest = rest.subarray(cut)
        }
        const decoded = decodeChunks([...chunks, rest], 'broker', 4).packets
        for (const [i, message] of decoded.entries()) {
          assert(message instanceof PublishMessage)
          const frame = receivedPacket(message, 4)
          if (frame !== undefined) assert.deepEqual(frame.bytes, packets[i])
        }
      }),
    )
  })

  it('is not used if receivers get other bytes: other properties, and never DUP', () => {
    const properties = { contentType: 'text/plain' }
    assert.equal(receivedPacket(received(encode({ ...packet, properties }, 5), 5), 5), undefined)
    assert.equal(receivedPacket(received(encode({ ...packet, qos: 1, messageId: 1, dup: true }, 4), 4), 4), undefined)
  })

  it('is not used if it would have to be copied, and is large', () => {
    const payload = 'x'.repeat(3000)
    assert.equal(receivedPacket(received(encode({ ...packet, payload, qos: 1, messageId: 1 }, 4), 4), 4), undefined)
    assert.notEqual(receivedPacket(received(encode({ ...packet, payload }, 4), 4), 4), undefined)
  })

  it('is not used if its length has more bytes than needed', () => {
    const content = encode(packet, 4).subarray(2)
    const long = Buffer.concat([Buffer.from([0x30, 0x80 | content.length, 0]), content])
    assert.equal(receivedPacket(received(long, 4), 4), undefined)
    assert.notEqual(receivedPacket(received(packetOf(0x30, content), 4), 4), undefined)
  })

  it('is not used for a changed message', () => {
    const changes: ((message: PublishMessage) => void)[] = [
      message => {
        message.topic = 'other'
      },
      message => {
        message.payload = Buffer.from('other')
      },
      message => {
        message.retain = true
      },
      message => {
        message.qos = 1
      },
      message => {
        message.properties = { contentType: 'text/plain' }
      },
      ownPayload,
    ]
    for (const change of changes) {
      const message = received(encode(packet, 5), 5)
      change(message)
      assert.equal(receivedPacket(message, 5), undefined)
    }
  })

  it('is not used for a copy of the message', () => {
    const message = received(encode(packet, 4), 4)
    const plain = Object.entries({ ...message }).filter(([, value]) => value !== undefined)
    assert(!plain.some(([, value]) => value === receivedPacket(message, 4)))
    assert(!JSON.stringify(message).includes('memory'))
  })
})
