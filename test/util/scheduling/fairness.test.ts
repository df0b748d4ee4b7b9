/**
 * Who works in which turn of the event loop: nobody exceeds its share while others wait, and clients that send little
 * are first.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Fairness, TurnShare } from '../../../lib/util/scheduling/fairness.js'
import { byEffort } from '../../support/effort.js'

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

/** Works in steps of one unit, `steps` of them. */
class Worker {
  readonly share: TurnShare
  readonly #fairness: Fairness
  readonly #cost: number
  left: number
  done = 0
  /** The turn in which the last step was done. */
  lastTurn = -1

  constructor(fairness: Fairness, steps: number, { cost = 1, line }: { cost?: number; line?: 'old' } = {}) {
    this.#fairness = fairness
    this.share = new TurnShare({ resume: () => this.work() }, line === undefined ? {} : { line })
    this.left = steps
    this.#cost = cost
  }

  work(): void {
    const fairness = this.#fairness
    if (!fairness.begin(this.share)) return
    while (this.left > 0 && !fairness.isSpent) {
      this.left--
      this.done++
      this.lastTurn = fairness.turn
      fairness.spend(this.#cost)
    }
    fairness.end(this.share)
    if (this.left > 0) fairness.wait(this.share)
  }
}

describe('the turns of the event loop', () => {
  it('count paused and waiting work', async () => {
    const fairness = new Fairness({ turnUnits: 10, shareUnits: 10 })
    const worker = new Worker(fairness, 25)
    worker.work()
    assert.deepEqual([fairness.pauses, fairness.waiting], [1, 1])
    while (worker.left > 0) await turn()
    // half of each turn serves the queue: 10 at first, then three times 5
    assert.deepEqual([fairness.pauses, fairness.waiting], [3, 0])
  })

  it('belong to one client as long as no other waits', async () => {
    const fairness = new Fairness({ turnUnits: 100, shareUnits: 10 })
    const alone = new Worker(fairness, 1000)
    alone.work()
    assert.equal(alone.done, 100)
    await turn()
    // half of a turn is reserved for input from sockets
    assert.equal(alone.done, 150)
    assert.equal(fairness.waiting, 1)
  })

  it('give each its share while others wait', async () => {
    const fairness = new Fairness({ turnUnits: 100, shareUnits: 10 })
    const workers = Array.from({ length: 20 }, () => new Worker(fairness, 1000))
    for (const worker of workers) worker.work()
    for (let i = 0; i < 40; i++) await turn()
    const done = workers.slice(1).map(each => each.done)
    assert(Math.max(...done) - Math.min(...done) <= 10, `${done}`)
  })

  it('serve work that cannot pause one after the other', async () => {
    const fairness = new Fairness({ turnUnits: 100, shareUnits: 10 })
    const order: number[] = []
    const steps = Array.from({ length: 10 }, async (_, i) => {
      await fairness.admit(30)
      order.push(i)
    })
    await turn()
    const first = order.length
    assert(first < 10, 'all at once')
    await Promise.all(steps)
    assert.deepEqual(
      order,
      order.map((_, i) => i),
    )
  })

  it('are shorter after one with too much input, at least a quarter', async () => {
    const fairness = new Fairness({ turnUnits: 400, shareUnits: 400 })
    const worker = new Worker(fairness, 10_000)
    worker.work()
    const doneInTurn = async (units: number): Promise<number> => {
      // input from sockets is handled after the work of a turn
      fairness.spend(units)
      const before = worker.done
      await turn()
      return worker.done - before
    }
    await turn()
    // half of a turn is for queued work; the other half was left
    assert.equal(await doneInTurn(200), 200)
    assert.equal(await doneInTurn(300), 150)
    assert.equal(await doneInTurn(10_000), 50)
    assert.equal(await doneInTurn(0), 200)
  })

  it('serve clients in turn: others do not wait for a thousand steps of one', async () => {
    const fairness = new Fairness({ turnUnits: 100, shareUnits: 10 })
    const order: string[] = []
    const step = (party: string) => Promise.resolve(fairness.admit(30, party)).then(() => order.push(party))
    const steps = Array.from({ length: 1000 }, () => step('many'))
    steps.push(step('one'), step('another'), step('one'))
    await Promise.all(steps)
    const places = order.flatMap((party, place) => (party === 'many' ? [] : [place]))
    assert(Math.max(...places) < 15, `${places}`)
  })

  it('are not used by work that ends early', async () => {
    const fairness = new Fairness({ turnUnits: 100, shareUnits: 10 })
    const workers = Array.from({ length: 200 }, (_, i) => new Worker(fairness, i % 7))
    for (const worker of workers) worker.work()
    for (let i = 0; i < 100; i++) await turn()
    assert.equal(fairness.waiting, 0)
    assert(workers.every(({ left }) => left === 0))
  })

  it('serve new work before old work, which still makes progress', async () => {
    const fairness = new Fairness({ turnUnits: 160, shareUnits: 10 })
    const recent = Array.from({ length: 30 }, () => new Worker(fairness, 1000))
    const old = Array.from({ length: 30 }, () => new Worker(fairness, 1000, { line: 'old' }))
    for (const worker of [...old, ...recent]) worker.work()
    // each is served once before it counts
    while (old.some(({ done }) => done === 0) || recent.some(({ done }) => done === 0)) await turn()
    const sum = (workers: Worker[]) => workers.reduce((total, { done }) => total + done, 0)
    const before = [sum(recent), sum(old)] as const
    for (let i = 0; i < 30; i++) await turn()
    assert.equal(sum(recent) - before[0], 30 * 60)
    assert.equal(sum(old) - before[1], 30 * 20)
  })

  it('serve a client that sends little within three turns, however many clients send much', async () => {
    const scenario = fc.record({
      greedy: fc.integer({ min: 0, max: 2000 }),
      cost: fc.integer({ min: 1, max: 9 }),
      turnUnits: fc.integer({ min: 40, max: 400 }),
      // more than the client that sends little sends in one turn
      share: fc.integer({ min: 10, max: 40 }),
      arrivals: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 8 }),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ greedy, cost, turnUnits, share, arrivals }) => {
        const fairness = new Fairness({ turnUnits, shareUnits: share })
        const others = Array.from(
          { length: greedy },
          (_, i) => new Worker(fairness, 1_000_000, i % 3 === 0 ? { cost, line: 'old' } : { cost }),
        )
        for (const other of others) other.work()
        // before they were served, it is not known that they want more
        while (others.some(({ done }) => done === 0)) await turn()
        const modest = new Worker(fairness, 0)
        for (const pause of arrivals) {
          for (let i = 0; i < pause; i++) await turn()
          // sockets are read after queued work
          modest.left++
          const from = fairness.turn
          modest.work()
          for (let i = 0; i < 3 && modest.left > 0; i++) await turn()
          assert.equal(modest.left, 0, 'not looked at')
          assert(modest.lastTurn - from <= 3, `after ${modest.lastTurn - from} turns`)
        }
        for (const other of others) other.left = 0
      }),
      { numRuns: byEffort({ fast: 20, normal: 60, full: 1000 }) },
    )
  })
})
