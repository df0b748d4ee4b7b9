/** Room for stored sessions while several of them begin at the same time: as many as are allowed, neither fewer nor more. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { SessionLimits } from '../../../lib/broker/sessions/session-limits.js'
import type { SessionPersistence } from '../../../types/persistence.js'

/** The details of a session that has none. */
const NOBODY = undefined

/** A store that counts a session when its write begins, or when it has ended. */
class Store {
  sessions = 0
  sessionBytes = 0
  readonly #counts: 'at once' | 'at the end'
  readonly #writes: { done: () => void; fail: (error: Error) => void }[] = []

  constructor(counts: 'at once' | 'at the end') {
    this.#counts = counts
  }

  counts() {
    return { sessions: this.sessions, sessionBytes: this.sessionBytes }
  }

  readonly write = async (): Promise<void> => {
    if (this.#counts === 'at once') this.sessions++
    await new Promise<void>((done, fail) => this.#writes.push({ done, fail }))
    if (this.#counts === 'at the end') this.sessions++
  }

  /** Ends the writes that have begun, one by one. */
  async settle(how: 'done' | 'fail' = 'done'): Promise<void> {
    for (const { done, fail } of this.#writes.splice(0)) {
      if (how === 'done') done()
      else fail(new Error('the disk is full'))
      await new Promise(setImmediate)
    }
  }
}

function limitsOf(store: Store, maxSessions: number, maxSessionBytes = Number.POSITIVE_INFINITY): SessionLimits {
  return new SessionLimits(store as unknown as SessionPersistence, { maxSessions, maxSessionBytes })
}

for (const counts of ['at once', 'at the end'] as const) {
  it(`of six sessions that start simultaneously five are accepted if the limit is five and the store counts ${counts}`, async () => {
    const store = new Store(counts)
    const limits = limitsOf(store, 5)
    const outcomes = Array.from({ length: 6 }, (_, i) => limits.make(`c${i}`, NOBODY, store.write))
    const settled = Promise.allSettled(outcomes)
    for (let round = 0; round < 3; round++) await store.settle()
    assert.deepEqual(
      (await settled).map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected'],
    )
    assert.equal(store.sessions, 5)
  })
}

it('a session that cannot be stored leaves its place to the one that waits', async () => {
  const store = new Store('at the end')
  const limits = limitsOf(store, 1)
  const [first, second] = [limits.make('c0', NOBODY, store.write), limits.make('c1', NOBODY, store.write)]
  const outcome = assert.rejects(first, /the disk is full/)
  await store.settle('fail')
  await outcome
  await store.settle()
  await second
  assert.equal(store.sessions, 1)
})

it('the bytes of sessions that are being stored count', async () => {
  const store = new Store('at the end')
  const limits = limitsOf(store, 5, 5)
  const outcomes = ['c0', 'c1', 'c2'].map(clientId => limits.make(clientId, NOBODY, store.write))
  const settled = Promise.allSettled(outcomes)
  store.sessionBytes = 4
  for (let round = 0; round < 2; round++) await store.settle()
  assert.deepEqual(
    (await settled).map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  )
})
