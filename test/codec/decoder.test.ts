/** The decoder as a state machine: chunks, sizes, backpressure, views, memory. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Decoder } from '../../lib/codec/decode/decoder.js'
import { encode } from '../../lib/codec/encode/encoder.js'
import { ownPayload, type PublishMessage } from '../../lib/codec/publish-message.js'
import { collect } from '../support/collect.js'
import { byteByByte, decodeAll, decodeOne, hex, packetOf, plain } from './support.js'

function publish(topic: string, payload: Buffer | string): Buffer {
  return encode({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false }, 4)
}

describe('decoder', () => {
  it('decodes only when asked to, and keeps data that is pushed meanwhile', () => {
    const decoder = new Decoder({ side: 'broker' })
    for (let i = 0; i < 300; i++) decoder.push(publish(`t/${i}`, 'x'))
    for (let i = 0; i < 300; i++) {
      assert.equal((decoder.next() as PublishMessage).topic, `t/${i}`)
      decoder.push(publish(`u/${i}`, 'x'))
    }
    for (let i = 0; i < 300; i++) assert.equal((decoder.next() as PublishMessage).topic, `u/${i}`)
    assert.equal(decoder.next(), undefined)
  })

  it('accepts single bytes pushed in advance', () => {
    const decoder = new Decoder({ side: 'broker' })
    const stream = Buffer.concat(Array.from({ length: 500 }, (_, i) => publish(`topic/${i}`, `payload ${i}`)))
    for (const byte of byteByByte(stream)) decoder.push(byte)
    for (let i = 0; i < 500; i++) {
      const { topic, payload } = decoder.next() as PublishMessage
      assert.equal(topic, `topic/${i}`)
      assert.equal(payload.toString(), `payload ${i}`)
    }
    assert.equal(decoder.next(), undefined)
    assert.equal(decoder.error, undefined)
  })

  it('assembles a large packet as it arrives, and releases its chunks', async () => {
    const decoder = new Decoder({ side: 'broker' })
    const payload = Buffer.from(Uint32Array.from({ length: 1_500_000 }, (_, i) => i).buffer)
    const bytes = Buffer.concat([publish('large', payload), publish('t', 'next')])
    const chunks: WeakRef<Buffer>[] = []
    const push = (from: number) => {
      const chunk = Buffer.from(bytes.subarray(from, Math.min(from + 65_536, bytes.length - 10)))
      chunks.push(new WeakRef(chunk))
      decoder.push(chunk)
      assert.equal(decoder.next(), undefined)
    }
    for (let from = 0; from < bytes.length - 10; from += 65_536) push(from)
    await new Promise<void>(resolve => setImmediate(resolve))
    collect()
    assert(chunks.every(chunk => chunk.deref() === undefined))
    assert.equal(decoder.unreadBytes, bytes.length - 10 - 5)
    decoder.push(bytes.subarray(-10))
    const message = decoder.next() as PublishMessage
    assert(message.payload.equals(payload))
    const { buffer } = message.payload
    ownPayload(message)
    assert.equal(message.payload.buffer, buffer)
    assert.equal((decoder.next() as PublishMessage).payload.toString(), 'next')
    assert.equal(decoder.unreadBytes, 0)
  })

  it('allocates memory for a large packet only when a good part of it has arrived', t => {
    const allocate = t.mock.method(Buffer, 'allocUnsafeSlow')
    const decoder = new Decoder({ side: 'broker' })
    const piece = Buffer.alloc(2 ** 20)
    // PUBLISH with 160 MiB
    decoder.push(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x50]))
    for (let i = 0; i < 4; i++) decoder.push(piece)
    assert.equal(decoder.next(), undefined)
    assert.equal(allocate.mock.callCount(), 0)
    decoder.push(piece)
    assert.equal(decoder.next(), undefined)
    assert.deepEqual(
      allocate.mock.calls.map(call => call.arguments),
      [[160 * 2 ** 20]],
    )
    assert.equal(decoder.unreadBytes, 5 * 2 ** 20)
  })

  it('ignores empty chunks', () => {
    const decoder = new Decoder({ side: 'broker' })
    for (const byte of byteByByte(publish('a', 'bc'))) {
      decoder.push(Buffer.alloc(0))
      decoder.push(byte)
      decoder.push(Buffer.alloc(0))
    }
    assert.equal((decoder.next() as PublishMessage).payload.toString(), 'bc')
  })

  it('cuts payloads out of a chunk without copying them', () => {
    const chunk = publish('a', 'payload')
    const { payload } = decodeOne(chunk, 'broker', 4) as PublishMessage
    assert.equal(payload.buffer, chunk.buffer)
    chunk[chunk.length - 1] = 0x21
    assert.equal(payload.toString(), 'payloa!')
  })

  it('does not copy a payload in one chunk after a header in another', () => {
    const bytes = publish('a', 'payload')
    const content = Buffer.from(bytes.subarray(2))
    const decoder = new Decoder({ side: 'broker' })
    decoder.push(bytes.subarray(0, 2))
    assert.equal(decoder.next(), undefined)
    decoder.push(content)
    assert.equal((decoder.next() as PublishMessage).payload.buffer, content.buffer)
  })

  it('keeps a will separate from the chunk it came in', () => {
    const chunk = packetOf(0x10, "00 04 'MQTT' 04 06 00 00 00 00 00 01 'w' 00 04 'gone'")
    const packet = decodeOne(chunk, 'broker', 4)
    chunk.fill(0)
    assert.equal(packet.cmd === 'connect' && packet.will?.payload.toString(), 'gone')
  })

  it('takes time in proportion to the bytes, however small the chunks are', () => {
    const bytes = publish('a', Buffer.alloc(1_000_000, 'x'))
    const decoder = new Decoder({ side: 'broker' })
    let packets = 0
    for (const byte of byteByByte(bytes)) {
      decoder.push(byte)
      if (decoder.next() !== undefined) packets++
    }
    // Quadratic behaviour would take minutes, and exceed the time limit of a test file.
    assert.equal(packets, 1)
  })

  it('joins 64 MB in chunks of 1 KB', () => {
    const size = 64 << 20
    const decoder = new Decoder({ side: 'broker' })
    const chunk = Buffer.alloc(1024, 'x')
    const head = Buffer.concat([hex('30 83 80 80 20'), hex("00 01 'a'")])
    decoder.push(head)
    for (let sent = 0; sent < size; sent += chunk.length) {
      assert.equal(decoder.next(), undefined)
      decoder.push(chunk)
    }
    assert.equal((decoder.next() as PublishMessage).payload.length, size)
  })

  it('[5.0 MQTT-3.2.2-15] refuses a packet that is too large before its content arrives', () => {
    for (const [maximumPacketSize, ok] of [
      [10, true],
      [9, false],
    ] as const) {
      const decoder = new Decoder({ side: 'broker', maximumPacketSize, protocolVersion: 5 })
      decoder.push(hex('30 08'))
      assert.equal(decoder.next(), undefined)
      assert.equal(decoder.error?.code, ok ? undefined : 'ANAX_ERR_PACKET_TOO_LARGE')
      assert.equal(decoder.error?.reasonCode, ok ? undefined : 0x95)
    }
  })

  it('accepts the largest packet of the protocol, and allocates nothing for it in advance', () => {
    const decoder = new Decoder({ side: 'broker' })
    const before = process.memoryUsage().arrayBuffers
    decoder.push(hex('30 ff ff ff 7f'))
    decoder.push(hex("00 01 'a'"))
    assert.equal(decoder.next(), undefined)
    assert.equal(decoder.error, undefined)
    assert.ok(process.memoryUsage().arrayBuffers - before < 1 << 20)
  })

  it('accepts a remaining length in more bytes than needed before 5.0', () => {
    assert.equal(decodeOne(hex('c0 80 00'), 'broker', 4).cmd, 'pingreq')
    assert.equal(decodeOne(hex('c0 80 80 80 00'), 'broker', 3).cmd, 'pingreq')
  })

  it('accepts DUP in packets that may have it in 3.1', () => {
    for (const bytes of [hex('6a 02 00 01'), packetOf(0x8a, "00 01 00 01 'a' 00"), packetOf(0xaa, "00 01 00 01 'a'")]) {
      decodeOne(bytes, 'broker', 3)
      assert.equal(decodeAll(bytes, 'broker', 4).error?.code, 'ANAX_ERR_MALFORMED')
    }
  })

  it('[3.1.1 MQTT-1.5.3-3] [5.0 MQTT-1.5.4-3] keeps a leading U+FEFF', () => {
    for (const version of [4, 5] as const) {
      const bytes = packetOf(0x30, `00 04 ef bb bf 'a' ${version === 5 ? '00' : ''}`)
      assert.equal((decodeOne(bytes, 'broker', version) as PublishMessage).topic, '\ufeffa')
    }
  })

  it('[3.1.1 MQTT-4.7.3-4] [5.0 MQTT-4.7.3-4] does not normalise text', () => {
    for (const version of [4, 5] as const) {
      const bytes = packetOf(0x30, `00 03 'a' cc 88 ${version === 5 ? '00' : ''}`)
      assert.equal((decodeOne(bytes, 'broker', version) as PublishMessage).topic, 'a\u0308')
    }
  })

  it('[3.1.1 MQTT-4.7.3-3] [5.0 MQTT-4.7.3-3] accepts topics of 65535 bytes', () => {
    for (const version of [4, 5] as const) {
      const topic = 'x'.repeat(65_535)
      const bytes = encode({ cmd: 'publish', topic, payload: 'p', qos: 0, dup: false, retain: false }, version)
      assert.equal((decodeOne(bytes, 'broker', version) as PublishMessage).topic, topic)
    }
  })

  it('distinguishes topics of the same length as the previous one', () => {
    const topics = ['a/b', 'a/c', 'a/c', 'é', 'ab', 'é', '\u00ff\u00ff', 'abcd', '\u00ff\u00ff', 'a+', 'a/b']
    const decoder = new Decoder({ side: 'broker' })
    for (const topic of topics) {
      decoder.push(publish(topic, ''))
      const packet = decoder.next() as PublishMessage | undefined
      assert.equal(packet?.topic, topic === 'a+' ? undefined : topic)
      if (topic === 'a+') break
    }
    assert.equal(decoder.error?.code, 'ANAX_ERR_TOPIC_NAME')
  })

  it('never confuses Latin-1 bytes with the previous topic', () => {
    const decoder = new Decoder({ side: 'broker' })
    decoder.push(publish('é', ''))
    assert.equal((decoder.next() as PublishMessage).topic, 'é')
    decoder.push(packetOf(0x30, '00 01 e9'))
    assert.equal(decoder.next(), undefined)
    assert.equal(decoder.error?.code, 'ANAX_ERR_MALFORMED')
  })

  it('creates messages with one shape', () => {
    const packets = [
      publish('a', ''),
      encode({ cmd: 'publish', topic: 'b', payload: 'x', qos: 1, dup: true, retain: true, messageId: 5 }, 4),
    ]
    const keys = packets.map(bytes => Object.keys(decodeOne(bytes, 'broker', 4)).join())
    assert.equal(keys[0], keys[1])
    assert.deepEqual(plain(decodeOne(packets[0]!, 'broker', 4)), {
      cmd: 'publish',
      topic: 'a',
      payload: 'buffer:',
      qos: 0,
      retain: false,
      dup: false,
    })
  })

  it('names the place of an error in its message', () => {
    assert.equal(decodeAll(hex('36 00'), 'broker', 4).error?.message, 'Malformed packet: PUBLISH: QoS 3')
    const { error } = decodeAll(packetOf(0x82, "00 01 00 05 'a'"), 'broker', 4)
    assert.equal(error?.message, 'Malformed packet: SUBSCRIBE: ends within the topic filter')
  })
})
