/** The ordered pipeline of one connection: its order with any mixture of stages that wait, and its failures. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Job, Pipeline } from '../../../lib/util/scheduling/pipeline.js'
import { byEffort, runs } from '../../support/effort.js'

const STAGES = ['authorize', 'match', 'store', 'route', 'answer'] as const

type Outcome = { kind: 'at once' } | { kind: 'later'; turns: number } | { kind: 'rejects' } | { kind: 'throws' }

interface Record {
  job: number
  stage: number
  what: 'begin' | 'end'
}

const later = (turns: number): Promise<void> =>
  turns === 0 ? Promise.resolve() : new Promise(resolve => setImmediate(() => resolve(later(turns - 1))))

/** A pipeline that records every step. */
function fixture(limit = Number.POSITIVE_INFINITY) {
  const log: Record[] = []
  const failures: unknown[] = []
  let drains = 0
  const pipeline: Pipeline = new Pipeline(
    limit,
    error => failures.push(error),
    () => drains++,
  )
  const job = (id: number, outcomes: readonly Outcome[], inside: (stage: number) => void = () => {}): Job => {
    const step = (stage: number) => (): void | Promise<void> => {
      log.push({ job: id, stage, what: 'begin' })
      inside(stage)
      const end = () => void log.push({ job: id, stage, what: 'end' })
      const outcome = outcomes[stage] ?? { kind: 'at once' }
      if (outcome.kind === 'later') return later(outcome.turns).then(end)
      end()
      if (outcome.kind === 'rejects') return Promise.reject(new Error(`${id}.${stage}`))
      if (outcome.kind === 'throws') throw new Error(`${id}.${stage}`)
    }
    return Object.fromEntries(STAGES.map((name, stage) => [name, step(stage)])) as unknown as Job
  }
  const idle = async () => {
    await pipeline.settled()
    assert.equal(pipeline.idle, true)
  }
  return { pipeline, log, failures, job, idle, drains: () => drains }
}

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: 'at once' } as const) },
  { weight: 4, arbitrary: fc.nat(3).map(turns => ({ kind: 'later', turns }) as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'rejects' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'throws' } as const) },
)
const jobs = fc.array(
  fc.record({ outcomes: fc.array(outcome, { minLength: 5, maxLength: 5 }), pause: fc.constantFrom(0, 0, 0, 1, 2) }),
  { maxLength: 20 },
)

describe('the pipeline', () => {
  it('keeps the order of each stage, whatever waits and whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(jobs, async list => {
        const { pipeline, log, failures, job, idle } = fixture()
        for (const [id, { outcomes, pause }] of list.entries()) {
          pipeline.run(job(id, outcomes))
          if (pause > 0) await later(pause)
        }
        await idle()
        assertOrder(log, list.length)
        const wrong = list.flatMap(({ outcomes }) =>
          outcomes.filter(({ kind }) => kind === 'rejects' || kind === 'throws'),
        )
        assert.equal(failures.length, wrong.length)
      }),
      { numRuns: runs(200) },
    )
  })

  it('lets authorizations overlap, and starts stores while earlier ones wait', async () => {
    const { pipeline, log, job, idle } = fixture()
    const slow: Outcome = { kind: 'later', turns: 3 }
    for (let id = 0; id < 3; id++) pipeline.run(job(id, [slow, slow, slow, slow, slow]))
    await later(1)
    assert.deepEqual(begun(log, 0), [0, 1, 2])
    await idle()
    const firstStored = log.findIndex(({ job, stage, what }) => job === 0 && stage === 2 && what === 'end')
    const lastIssued = log.findIndex(({ job, stage, what }) => job === 2 && stage === 2 && what === 'begin')
    assert(lastIssued < firstStored, 'a slow store gets all jobs')
  })

  it('completes a job that does not wait before it returns', () => {
    const { pipeline, log, job, drains } = fixture()
    pipeline.run(job(0, []))
    assert.deepEqual(
      log.filter(({ what }) => what === 'begin').map(({ stage }) => stage),
      [0, 1, 2, 3, 4],
    )
    assert.equal(pipeline.idle, true)
    assert.equal(drains(), 0)
  })

  it('skips a stage that a job does not have', async () => {
    const { pipeline, idle } = fixture()
    const done: string[] = []
    const note = (name: string) => () => void done.push(name)
    class Partial extends Job {
      override authorize = () => later(1).then(note('authorize'))
      override store = note('store')
    }
    pipeline.run(new Partial())
    await idle()
    assert.deepEqual(done, ['authorize', 'store'])
  })

  it('puts a job that a stage adds after the current one', async () => {
    for (const waits of [false, true]) {
      const { pipeline, log, job, idle } = fixture()
      const inner = job(1, [])
      const outcomes: Outcome[] = waits ? [{ kind: 'at once' }, { kind: 'at once' }, { kind: 'later', turns: 1 }] : []
      pipeline.run(job(0, outcomes, stage => stage === 1 && pipeline.run(inner)))
      await idle()
      assertOrder(log, 2)
    }
  })
})

describe('the pipeline is', () => {
  it('as fast per job with many thousands as with one', async () => {
    // Examining all of them for each would take minutes, and exceed the time limit of a test file.
    const count = byEffort({ fast: 20_000, normal: 200_000, full: 200_000 })
    let answered = 0
    let store: () => void = () => {}
    const stored = new Promise<void>(resolve => (store = resolve))
    const pipeline = new Pipeline(
      Number.POSITIVE_INFINITY,
      () => assert.fail(),
      () => {},
    )
    for (let i = 0; i < count; i++) pipeline.run(new StoredTogether(stored, () => answered++))
    store()
    while (answered < count) await later(1)
    assert.equal(pipeline.idle, true)
  })

  it('full at its limit, and reports when there is room again and when the last job is done', async () => {
    const { pipeline, job, idle, drains } = fixture(2)
    assert.equal(pipeline.full, false)
    pipeline.run(job(0, [{ kind: 'later', turns: 1 }]))
    assert.deepEqual([pipeline.full, pipeline.idle], [false, false])
    pipeline.run(job(1, [{ kind: 'later', turns: 8 }]))
    assert.equal(pipeline.full, true)
    await later(4)
    assert.deepEqual([pipeline.full, drains()], [false, 1])
    await idle()
    assert.equal(drains(), 2)
  })

  it('ready to accept jobs within the callback that reports room', async () => {
    const order: number[] = []
    let next = 2
    const waiting = new Slow(1, () => order.push(1))
    const pipeline: Pipeline = new Pipeline(
      1,
      () => assert.fail(),
      () => next < 5 && pipeline.run(new Slow(0, () => order.push(next++))),
    )
    pipeline.run(waiting)
    await later(10)
    assert.deepEqual(order, [1, 2, 3, 4])
  })

  it('usable after a stage that threw', () => {
    const { pipeline, log, failures, job } = fixture()
    pipeline.run(job(0, [{ kind: 'throws' }]))
    pipeline.run(job(1, []))
    assertOrder(log, 2)
    assert.deepEqual(
      failures.map(error => (error as Error).message),
      ['0.0'],
    )
  })
})

/** A job that waits before it answers. */
class Slow extends Job {
  readonly #turns: number
  readonly #answered: () => void

  constructor(turns: number, answered: () => void) {
    super()
    this.#turns = turns
    this.#answered = answered
  }

  override authorize(): Promise<void> {
    return later(this.#turns)
  }

  override answer(): void {
    this.#answered()
  }
}

/** A job that waits for the same commit as the others. */
class StoredTogether extends Job {
  readonly #stored: Promise<void>
  readonly #answered: () => void

  constructor(stored: Promise<void>, answered: () => void) {
    super()
    this.#stored = stored
    this.#answered = answered
  }

  override store(): Promise<void> {
    return this.#stored
  }

  override answer(): void {
    this.#answered()
  }
}

function begun(log: Record[], stage: number): number[] {
  return log.filter(record => record.stage === stage && record.what === 'begin').map(({ job }) => job)
}

function assertOrder(log: Record[], count: number): void {
  const inOrder = Array.from({ length: count }, (_, id) => id)
  for (let stage = 0; stage < STAGES.length; stage++) assert.deepEqual(begun(log, stage), inOrder, STAGES[stage])
  for (const id of inOrder) {
    const own = log.filter(({ job }) => job === id).map(({ stage, what }) => `${stage} ${what}`)
    assert.deepEqual(
      own,
      STAGES.flatMap((_, stage) => [`${stage} begin`, `${stage} end`]),
      'no stage before its own predecessor is finished',
    )
  }
}
