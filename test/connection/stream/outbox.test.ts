/**
 * Frames that wait for one stream: how they are joined, when they are written, and the effects of a full or closed
 * stream.
 */
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { describe, it } from 'node:test'
import { duplexPair } from '../../../lib/client/duplex-pair.js'
import { encode, frames, publishFrame } from '../../../lib/codec/encode/encoder.js'
import { PublishMessage } from '../../../lib/codec/publish-message.js'
import { Frame } from '../../../lib/codec/wire/frame.js'
import { Flusher } from '../../../lib/connection/stream/flusher.js'
import { Outbox } from '../../../lib/connection/stream/outbox.js'
import { ConnectionTraffic, Traffic } from '../../../lib/model/metering/traffic.js'

const LARGE = 100_000

/** An outbox on a real stream; records every write. */
function fixture(flusher = new Flusher(), request?: IncomingMessage) {
  const [stream, peer] = duplexPair()
  const writes: number[] = []
  const write = stream.write.bind(stream) as (chunk: Buffer) => boolean
  stream.write = ((chunk: Buffer) => {
    writes.push(chunk.length)
    return write(chunk)
  }) as Duplex['write']
  let blocked = 0
  let room = 0
  const outbox = new Outbox({ stream, request }, flusher, {
    traffic: new ConnectionTraffic(new Traffic()),
    outboxBlocked: () => blocked++,
    outboxHasRoom: () => room++,
  })
  const received: Buffer[] = []
  stream.on('error', () => {})
  peer.on('error', () => {})
  return {
    outbox,
    stream,
    peer,
    writes,
    times: () => blocked,
    room: () => room,
    read: () => peer.on('data', (chunk: Buffer) => received.push(chunk)),
    received: () => Buffer.concat(received),
  }
}

const bytesOf = (text: string) => Frame.of(Buffer.from(text))
const turn = () => new Promise<void>(resolve => setImmediate(resolve))
const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await turn()
}

function publish(payload: Buffer, qos: 0 | 1): Frame {
  const message = new PublishMessage('t', payload, qos, false, false, undefined, undefined)
  return publishFrame(message, 4, { qos, retain: false, dup: false })
}

function packet(payload: Buffer, qos: 0 | 1, messageId: number | undefined): Buffer {
  return encode({ cmd: 'publish', topic: 't', payload, qos, retain: false, dup: false, messageId }, 4)
}

describe('an outbox', () => {
  it('writes once per turn, in order, everything joined', async () => {
    const { outbox, writes, read, received } = fixture()
    read()
    for (const text of ['one ', 'two ', 'three']) outbox.add(bytesOf(text))
    assert.deepEqual([writes.length, outbox.bytes], [0, 13])
    await turns(2)
    assert.deepEqual(writes, [13])
    assert.equal(outbox.bytes, 0)
    outbox.add(bytesOf(' four'))
    await turns(4)
    assert.deepEqual(writes, [13, 5])
    assert.equal(received().toString(), 'one two three four')
  })

  it('fills in the packet id of each client in shared frames', async () => {
    const { outbox, read, received } = fixture()
    read()
    const shared = publish(Buffer.from('x'), 1)
    outbox.add(shared, 1)
    outbox.add(publish(Buffer.from('y'), 0))
    outbox.add(shared, 0xabcd)
    outbox.add(frames.puback, 7)
    await turns(4)
    const expected = [
      packet(Buffer.from('x'), 1, 1),
      packet(Buffer.from('y'), 0, undefined),
      packet(Buffer.from('x'), 1, 0xabcd),
      encode({ cmd: 'puback', messageId: 7 }, 4),
    ]
    assert.deepEqual(received(), Buffer.concat(expected))
  })

  it('fills in the packet id of a single frame without changing the shared frame', async () => {
    const { outbox, read, received } = fixture()
    read()
    outbox.add(frames.puback, 0x0102)
    await turns(3)
    outbox.add(frames.puback, 0x0304)
    await turns(3)
    assert.deepEqual([...received()], [0x40, 2, 1, 2, 0x40, 2, 3, 4])
  })

  it('writes large payloads without a copy, in order with other frames', async () => {
    const { outbox, writes, read, received } = fixture()
    read()
    const [one, two] = [Buffer.alloc(LARGE, 1), Buffer.alloc(LARGE, 2)]
    const large = publish(one, 1)
    assert.notEqual(large.payload, undefined, 'large enough for a separate write')
    for (const [frame, id] of [
      [bytesOf('a'), 0],
      [large, 9],
      [bytesOf('b'), 0],
      [bytesOf('c'), 0],
      [publish(two, 0), 0],
      [bytesOf('d'), 0],
    ] as const) {
      outbox.add(frame, id)
    }
    await turns(10)
    const expected = [
      Buffer.from('a'),
      packet(one, 1, 9),
      Buffer.from('bc'),
      packet(two, 0, undefined),
      Buffer.from('d'),
    ]
    assert.deepEqual(received(), Buffer.concat(expected))
    assert.equal(writes.filter(length => length === LARGE).length, 2)
    assert.equal(writes.length, 5)
  })

  it('writes many bytes before the end of the turn', () => {
    const { outbox, writes } = fixture()
    const frame = bytesOf('x'.repeat(64 * 1024))
    for (let i = 0; i < 3; i++) outbox.add(frame)
    assert.deepEqual(writes, [])
    outbox.add(frame)
    assert.deepEqual(writes, Array(4).fill(64 * 1024))
  })

  it('that was flushed during the turn writes nothing at its end', async () => {
    const { outbox, writes } = fixture()
    outbox.add(bytesOf('x'))
    outbox.flush()
    await turns(2)
    assert.deepEqual(writes, [1])
  })
})

describe('the answer to CONNECT or SUBSCRIBE', () => {
  for (const cmd of ['connack', 'suback'] as const) {
    it(`${cmd}: messages after it are written a turn later, other packets together with it, all in order`, async () => {
      const { outbox, writes, read, received } = fixture()
      read()
      outbox.add(bytesOf('before '))
      outbox.addAnswer(bytesOf(cmd), cmd)
      outbox.add(frames.puback, 1)
      const message = publish(Buffer.from('x'), 1)
      outbox.add(message, 2)
      outbox.add(frames.puback, 3)
      const ahead = 7 + cmd.length + 4
      await turn()
      assert.deepEqual([writes, outbox.bytes], [[ahead], message.length + 4])
      outbox.add(publish(Buffer.from('y'), 0))
      await turns(3)
      assert.deepEqual(writes, [ahead, message.length + 4 + 6])
      assert.equal(received().length, ahead + message.length + 4 + 6)
      outbox.add(bytesOf('after'))
      outbox.add(message, 4)
      await turns(3)
      assert.equal(writes.length, 3, 'a later turn is like any other')
    })
  }

  it('delays messages by some milliseconds for a client on another machine', async () => {
    const { outbox, writes } = fixture(new Flusher(), {} as IncomingMessage)
    outbox.addAnswer(bytesOf('suback'), 'suback')
    outbox.add(publish(Buffer.from('x'), 0))
    await turns(3)
    assert.deepEqual(writes, [6])
    while (writes.length === 1) await new Promise(resolve => setTimeout(resolve, 1))
    assert.deepEqual(writes, [6, 6])
    outbox.add(publish(Buffer.from('x'), 0))
    await turns(2)
    assert.deepEqual(writes, [6, 6, 6], 'only once')
  })

  it('delays messages that come later too, until that time is over', async () => {
    const { outbox, writes } = fixture(new Flusher(), {} as IncomingMessage)
    outbox.addAnswer(bytesOf('suback'), 'suback')
    await turn()
    assert.deepEqual(writes, [6])
    outbox.add(frames.puback, 1)
    outbox.add(publish(Buffer.from('x'), 0))
    await turns(2)
    assert.deepEqual(writes, [6, 4])
    outbox.addAnswer(bytesOf('second'), 'suback')
    await turns(2)
    assert.deepEqual(writes, [6, 4, 12], 'a client that subscribes again has read the answer')
    await new Promise(resolve => setTimeout(resolve, 30))
    outbox.add(publish(Buffer.from('x'), 0))
    await turns(2)
    assert.deepEqual(writes, [6, 4, 12, 6])
  })

  it('is written with other answers of its turn, even if a message is between them', async () => {
    const { outbox, received, read } = fixture()
    read()
    for (const text of ['one ', 'two ']) {
      outbox.addAnswer(bytesOf(text), 'suback')
      outbox.add(publish(Buffer.from(text), 0))
    }
    await turns(8)
    assert.match(received().toString('latin1'), /^one two .*one .*two $/s)
  })

  it('is written with the rest of its turn if no message follows', async () => {
    const { outbox, writes } = fixture()
    outbox.addAnswer(bytesOf('suback'), 'suback')
    outbox.addAnswer(bytesOf('unsuback'), 'unsuback')
    await turns(3)
    assert.deepEqual(writes, [14])
    outbox.addAnswer(bytesOf('unsuback'), 'unsuback')
    outbox.add(publish(Buffer.from('x'), 0))
    await turns(3)
    assert.deepEqual(writes, [14, 14])
  })

  it('delays a limited number of bytes, and reports when there is room again', async () => {
    const { outbox, stream, writes, read, room } = fixture()
    stream.on('drain', () => outbox.drained())
    read()
    outbox.addAnswer(bytesOf('suback'), 'suback')
    const large = publish(Buffer.alloc(LARGE), 0)
    for (let i = 0; i < 2; i++) outbox.add(large)
    assert.equal(outbox.ready, true)
    outbox.add(large)
    assert.deepEqual([outbox.ready, writes], [false, []])
    await turn()
    assert.deepEqual([outbox.ready, writes, room()], [false, [6], 0])
    await turns(20)
    assert.deepEqual([outbox.ready, outbox.bytes, room()], [true, 0, 1])
  })

  it('delays the messages after a second answer only for a while, even if many bytes come before it', async () => {
    const { outbox, stream, read, room } = fixture(new Flusher(), {} as IncomingMessage)
    stream.on('drain', () => outbox.drained())
    read()
    outbox.addAnswer(bytesOf('suback'), 'suback')
    for (let i = 0; i < 3; i++) outbox.add(publish(Buffer.alloc(LARGE), 0))
    await turn()
    assert.equal(outbox.ready, false)
    outbox.addAnswer(bytesOf('second'), 'suback')
    await turn()
    assert.equal(outbox.bytes, 0)
    while (room() === 0) await turn()
    outbox.add(publish(Buffer.from('x'), 0))
    assert.ok(outbox.bytes > 0)
    while (outbox.bytes > 0) await new Promise(resolve => setTimeout(resolve, 1))
  })

  it('is written with everything after it when the connection ends', () => {
    const { outbox, writes } = fixture()
    outbox.addAnswer(bytesOf('connack'), 'connack')
    outbox.add(publish(Buffer.from('x'), 0))
    outbox.finish()
    assert.deepEqual([writes, outbox.bytes], [[13], 0])
  })
})

describe('a stream that is full', () => {
  it('is reported once, gets nothing until it drains, and then everything', async () => {
    const { outbox, stream, writes, read, received, times } = fixture()
    outbox.add(bytesOf('x'.repeat(LARGE)))
    await turn()
    assert.equal(outbox.blocked, true)
    assert.equal(times(), 1)
    for (const text of ['one', 'two']) outbox.add(bytesOf(text))
    await turns(3)
    assert.equal(writes.length, 1)
    assert.equal(outbox.bytes, 6)
    stream.once('drain', () => outbox.drained())
    read()
    await turns(20)
    assert.equal(outbox.blocked, false)
    assert.deepEqual(writes.slice(1), [6])
    assert.equal(received().subarray(LARGE).toString(), 'onetwo')
    assert.equal(times(), 1)
  })

  it('is overfull when too many bytes wait, until it drains', async () => {
    const { outbox } = fixture()
    outbox.add(bytesOf('x'.repeat(LARGE)))
    await turn()
    assert.equal(outbox.isOverfull, false)
    for (let i = 0; i < 3; i++) outbox.add(bytesOf('x'.repeat(LARGE)))
    assert.equal(outbox.isOverfull, true)
    outbox.drained()
    assert.equal(outbox.isOverfull, false)
  })

  it('is not overfull while it accepts data', () => {
    const { outbox } = fixture()
    outbox.add(bytesOf('x'.repeat(200 * 1024)))
    assert.equal(outbox.isOverfull, false)
  })
})

describe('the last packet', () => {
  it('is written even if the stream is full, and nothing follows it', async () => {
    const { outbox, writes, read, received } = fixture()
    outbox.add(bytesOf('x'.repeat(LARGE)))
    outbox.flush()
    assert.equal(outbox.blocked, true)
    outbox.add(bytesOf('bye'))
    outbox.finish()
    assert.deepEqual([writes, outbox.bytes], [[LARGE, 3], 0])
    read()
    await turns(10)
    assert.equal(received().subarray(LARGE).toString(), 'bye')
  })
})

describe('a stream whose write throws', () => {
  it('is destroyed with the error, and the other streams of the turn are written', async () => {
    const flusher = new Flusher()
    const broken = fixture(flusher)
    const sound = fixture(flusher)
    const errors: unknown[] = []
    broken.stream.write = () => {
      throw new Error('not today')
    }
    broken.stream.on('error', error => errors.push(error.message))
    broken.outbox.add(bytesOf('x'))
    broken.outbox.add(publish(Buffer.alloc(LARGE), 0))
    sound.outbox.add(bytesOf('y'))
    await turns(3)
    assert.deepEqual([broken.stream.destroyed, errors, sound.writes], [true, ['not today'], [1]])
  })
})

describe('a stream that no longer accepts data', () => {
  for (const end of ['end', 'destroy'] as const) {
    it(`discards the remaining frames without an error after ${end}`, async () => {
      const { outbox, stream, writes } = fixture()
      const errors: unknown[] = []
      stream.on('error', error => errors.push(error))
      stream[end]()
      outbox.add(bytesOf('late'))
      await turns(4)
      assert.deepEqual([writes.length, outbox.bytes, outbox.blocked, errors.length], [0, 0, false, 0])
    })
  }
})

describe('all outboxes of a turn', () => {
  it('are written by one flush, and those added meanwhile by the next', async () => {
    const flusher = new Flusher()
    const [one, two] = [fixture(flusher), fixture(flusher)]
    const write = one.stream.write
    one.stream.write = ((chunk: Buffer) => {
      two.outbox.add(bytesOf('more'))
      return (write as (chunk: Buffer) => boolean)(chunk)
    }) as Duplex['write']
    one.outbox.add(bytesOf('a'))
    two.outbox.add(bytesOf('b'))
    await turns(4)
    assert.deepEqual(one.writes, [1])
    assert.equal(
      two.writes.reduce((sum, length) => sum + length, 0),
      5,
    )
  })
})
