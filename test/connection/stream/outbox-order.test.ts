/**
 * Whatever is added to an outbox, and whenever its stream is full: everything is written once, in order, and messages
 * are not written together with the answer before them.
 */
import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { it } from 'node:test'
import fc from 'fast-check'
import { PacketType } from '../../../lib/codec/packet-types.js'
import { Frame } from '../../../lib/codec/wire/frame.js'
import { Flusher } from '../../../lib/connection/stream/flusher.js'
import { Outbox } from '../../../lib/connection/stream/outbox.js'
import { ConnectionTraffic, Traffic } from '../../../lib/model/metering/traffic.js'
import { runs } from '../../support/effort.js'

/** Some are so large that the outbox does not wait for the end of the turn. */
const SIZES = [8, 8, 8, 2100, 70_000, 300_000]

type Step =
  | { do: 'message'; size: number }
  | { do: 'answer'; cmd: 'suback' | 'connack' | 'puback' }
  | { do: 'turn' | 'fill' | 'drain' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...SIZES).map(size => ({ do: 'message', size }) as const) },
  { weight: 3, arbitrary: fc.constantFrom('suback', 'connack', 'puback').map(cmd => ({ do: 'answer', cmd }) as const) },
  { weight: 3, arbitrary: fc.constantFrom('turn', 'fill', 'drain').map(what => ({ do: what }) as const) },
)

/** A program may await these, and listen for messages afterwards. */
const AWAITED: readonly number[] = [PacketType.SUBACK, PacketType.CONNACK]

const TYPES = { suback: PacketType.SUBACK, connack: PacketType.CONNACK, puback: PacketType.PUBACK }

/** A frame that can be distinguished from others: type, length, number. */
function frameOf(type: number, size: number, number: number): Frame {
  const bytes = Buffer.alloc(size)
  bytes[0] = type << 4
  bytes.writeUInt32BE(size, 1)
  bytes.writeUInt16BE(number, 5)
  return Frame.of(bytes)
}

interface Written {
  type: number
  number: number
  /** Numbers the tasks of the event loop: a program that awaits an answer continues between two of them. */
  task: number
}

/** The written frames, and in which task each was written. */
function readFrames(writes: readonly { chunk: Buffer; task: number }[]): Written[] {
  const all = Buffer.concat(writes.map(({ chunk }) => chunk))
  const written: Written[] = []
  for (let position = 0; position < all.length; ) {
    const size = all.readUInt32BE(position + 1)
    const task = taskOf(writes, position)
    written.push({ type: all[position]! >> 4, number: all.readUInt16BE(position + 5), task })
    position += size
  }
  return written
}

function taskOf(writes: readonly { chunk: Buffer; task: number }[], position: number): number {
  let end = 0
  for (const { chunk, task } of writes) {
    end += chunk.length
    if (position < end) return task
  }
  throw new Error('behind the end')
}

const nextTurn = () => new Promise<void>(resolve => setImmediate(resolve))

async function play(steps: readonly Step[]): Promise<void> {
  let task = 0
  let isFull = false
  const writes: { chunk: Buffer; task: number }[] = []
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  stream.write = ((chunk: Buffer) => {
    writes.push({ chunk, task })
    queueMicrotask(() => task++)
    return !isFull
  }) as Duplex['write']
  const traffic = new ConnectionTraffic(new Traffic())
  const outbox = new Outbox({ stream, request: undefined }, new Flusher(), {
    traffic,
    outboxBlocked() {},
    outboxHasRoom() {},
  })
  const added: { type: number; number: number }[] = []
  const note = (type: number, size: number) => {
    added.push({ type, number: added.length })
    return frameOf(type, size, added.length - 1)
  }
  for (const each of steps) {
    if (each.do === 'message') outbox.add(note(PacketType.PUBLISH, each.size))
    else if (each.do === 'answer') outbox.addAnswer(note(TYPES[each.cmd], 8), each.cmd)
    else if (each.do === 'fill') isFull = true
    else if (each.do === 'drain') {
      isFull = false
      if (outbox.blocked) outbox.drained()
    } else {
      await nextTurn()
    }
  }
  isFull = false
  if (outbox.blocked) outbox.drained()
  for (let turns = 0; outbox.bytes > 0 && turns < steps.length + 10; turns++) await nextTurn()
  check(added, readFrames(writes))
}

function check(added: readonly { type: number; number: number }[], written: readonly Written[]): void {
  assert.equal(written.length, added.length, 'everything is written')
  for (const types of [[PacketType.PUBLISH], [PacketType.PUBACK], AWAITED]) {
    const numbersOf = (list: readonly { type: number; number: number }[]) =>
      list.filter(({ type }) => types.includes(type)).map(({ number }) => number)
    assert.deepEqual(numbersOf(written), numbersOf(added), `the order of ${types}`)
  }
  for (const [index, { type, task, number }] of written.entries()) {
    if (!AWAITED.includes(type)) continue
    const next = written.slice(index + 1).find(frame => frame.type === PacketType.PUBLISH)
    assert.ok(next === undefined || next.task > task, `message ${next?.number} is in one write with answer ${number}`)
  }
}

it('everything is written once and in order, and no message in one write with the answer before it', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25 }), play), { numRuns: runs(200) })
})
