/** Which messages are dropped for one that finds no room: never more than needed, and never in vain. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type FullQueue, findRoom, fits } from '../../lib/persistence/room.js'
import type { OverflowPolicy } from '../../types/persistence.js'
import { runs } from '../support/effort.js'

interface Entry {
  message: number
  bytes: number
  isSent: boolean
}

interface Queue extends FullQueue<Entry> {
  entries: Entry[]
}

function amountOf(entries: readonly Entry[]) {
  return { messages: entries.length, bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0) }
}

function queueOf(entries: Entry[], limits: FullQueue<Entry>['limits']): Queue {
  const sent = amountOf(entries.filter(({ isSent }) => isSent))
  const unsent = () => entries.filter(({ isSent }) => !isSent).values()
  return { entries, limits, size: amountOf(entries), sent, unsent }
}

/** The number of queues that each message is in, without other copies of it. */
function holdersIn(queues: readonly Queue[], further: number) {
  return ({ message, bytes }: Entry) => {
    const holders = queues.filter(({ entries }) => entries.some(entry => entry.message === message)).length
    return { message, bytes, holders: holders + further }
  }
}

const anyEntries = fc.uniqueArray(
  fc.record({ message: fc.nat(8), isSent: fc.boolean() }).map(entry => ({ ...entry, bytes: 1 + (entry.message % 4) })),
  { selector: ({ message }) => message, maxLength: 6 },
)
const anyLimits = fc.record({
  maxMessages: fc.integer({ min: 1, max: 6 }),
  maxBytes: fc.integer({ min: 1, max: 16 }),
  overflow: fc.constantFrom<OverflowPolicy>('drop-newest', 'drop-oldest'),
})
const anyQueues = fc.array(
  fc.tuple(anyEntries, anyLimits).map(([entries, limits]) => queueOf(entries, limits)),
  { maxLength: 4 },
)

describe('findRoom', () => {
  it('accepts a message only if all of it fits, and drops nothing for one that does not', () => {
    fc.assert(
      fc.property(anyQueues, fc.nat(5), fc.integer({ min: -3, max: 12 }), fc.nat(1), (queues, bytes, missing, more) => {
        const heldBy = holdersIn(queues, more)
        const { takers, losses } = findRoom<Entry, Queue>(queues, bytes, missing, heldBy)
        const lost = (queue: Queue) => losses.filter(loss => loss.queue === queue)
        const goes = ({ message }: Entry) =>
          losses.filter(({ entry }) => entry?.message === message).length === heldBy({ message } as Entry).holders
        const freed = new Map(
          losses.flatMap(({ entry }) => (entry && goes(entry) ? [[entry.message, entry.bytes]] : [])),
        )
        if (takers.length > 0) assert.ok([...freed.values()].reduce((sum, each) => sum + each, 0) >= missing)
        for (const queue of queues) {
          const left = queue.entries.filter(entry => !lost(queue).some(loss => loss.entry === entry))
          const isTaker = takers.includes(queue)
          if (isTaker) assert.ok(fits(amountOf(left), queue.limits, bytes))
          assert.equal(
            lost(queue).some(({ entry }) => entry === undefined),
            !isTaker,
          )
          assert.equal(left.length, isTaker ? queue.entries.length - lost(queue).length : queue.entries.length)
          for (const { entry, reason } of lost(queue)) {
            assert.ok(entry === undefined || (!entry.isSent && queue.limits.overflow === 'drop-oldest'))
            if (entry !== undefined && reason === 'store-full') assert.ok(goes(entry), 'dropped in vain')
          }
        }
      }),
      { numRuns: runs(3000) },
    )
  })

  it('finds room in queues whenever there can be any', () => {
    fc.assert(
      fc.property(anyQueues, fc.nat(5), (queues, bytes) => {
        const { takers } = findRoom<Entry, Queue>(queues, bytes, 0, holdersIn(queues, 0))
        for (const queue of queues) {
          const least = queue.limits.overflow === 'drop-oldest' ? queue.sent : queue.size
          assert.equal(takers.includes(queue), fits(least, queue.limits, bytes))
        }
      }),
      { numRuns: runs(1000) },
    )
  })

  it('examines a limited number of messages if none helps', () => {
    const entries = Array.from({ length: 10_000 }, (_, message) => ({ message, bytes: 1, isSent: false }))
    const limits = { maxMessages: 1e6, maxBytes: 1e6, overflow: 'drop-oldest' } as const
    let looks = 0
    const room = findRoom<Entry, Queue>([queueOf(entries, limits)], 1, 1, ({ message, bytes }) => {
      looks++
      return { message, bytes, holders: 2 }
    })
    assert.ok(looks <= 110)
    assert.deepEqual([room.takers.length, room.losses.length, room.losses[0]?.entry], [0, 1, undefined])
  })
})
