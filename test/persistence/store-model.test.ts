/** Both stores under random operations, closed and opened in between, compared with a model. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createLmdbPersistence } from '../../lib/persistence/lmdb/lmdb.js'
import { createMemoryPersistence, MemoryPersistence } from '../../lib/persistence/memory/memory.js'
import { all, BROKER, message, policy, refOf, to, will } from '../../lib/testing/persistence/harness.js'
import type { Message } from '../../types/message/message.js'
import type { OverflowPolicy, SessionPersistence, SweepResult } from '../../types/persistence.js'
import { runs } from '../support/effort.js'
import { temporaryFolder } from './lmdb/folders.js'
import { amountOf, lossOf, StoreModel } from './store-model.js'

const CLIENTS = ['a', 'b', `long ${'ü'.repeat(600)}`]
const TOPICS = ['t', 't/1', 't/1/x', 't/2', '$SYS/1', 'u']
const FILTERS = ['#', '+', 't/#', '+/1', 't/+/x', 't/1', '$SYS/#', '$share/g/t/#', '+/+/#']
const NEVER = 0xffff_ffff
const START = 1_900_000_000_000

type Store = SessionPersistence & { countQueuedBytes?: () => number | Promise<number> }

/** The operations: each changes the model, and is started in the store without waiting for earlier ones. */
type Action = (run: Run) => void | Promise<void>

/** A store and its expected content. */
class Run {
  store: Store
  readonly model = new StoreModel()
  readonly messages: Message[] = []
  readonly #reopen: (store: Store) => Promise<Store>
  #now = START
  #begun: Promise<void>[] = []

  constructor(open: (now: () => number) => Store, reopen: (store: Store, now: () => number) => Promise<Store>) {
    const now = () => this.#now
    this.store = open(now)
    this.#reopen = store => reopen(store, now)
  }

  get now(): number {
    return this.#now
  }

  /** Time passes. Operations that depend on the time must not be pending meanwhile. */
  async wait(ms: number): Promise<void> {
    await this.settled()
    this.#now += ms
  }

  begin<T>(step: () => T | Promise<T>, check: (outcome: T | 'refused') => void = () => {}): void {
    const outcome = (async () => step())().catch((error: { code?: unknown }) => {
      if (error.code !== 'ANAX_ERR_QUOTA') throw error
      return 'refused' as const
    })
    this.#begun.push(outcome.then(check))
  }

  async settled(): Promise<void> {
    await Promise.all(this.#begun)
    this.#begun = []
  }

  async reopen(): Promise<void> {
    await this.settled()
    this.store = await this.#reopen(this.store)
    await this.store.setup(BROKER)
  }

  async check(): Promise<void> {
    await this.settled()
    const { store, model } = this
    for (const clientId of CLIENTS) await this.#checkSession(clientId)
    for (const filters of [...FILTERS.map(filter => [filter]), ['t/#', '+/1', '#']]) {
      const found = (await all(store.retained(filters))).map(({ topic, brokerCounter }) => `${topic} ${brokerCounter}`)
      const expected = model.matching(filters, this.now).map(({ topic, brokerCounter }) => `${topic} ${brokerCounter}`)
      assert.deepEqual(found.sort(), expected.sort(), `retained ${filters}`)
    }
    for (const topic of TOPICS) {
      const found = (await store.subscriptionsByTopic(topic)).map(
        ({ clientId, topic: filter }) => `${clientId} ${filter}`,
      )
      assert.deepEqual(found.sort(), model.subscribersOf(topic).sort(), `subscriptions for ${topic}`)
    }
    assert.deepEqual([store.retainedCount, store.retainedBytes], [model.retained.size, model.retainedBytes])
    const held = [...model.sessions.values()].map(({ subscriptions }) => [...subscriptions.values()])
    const subsCount = held.flat().filter(({ qos }) => qos > 0).length
    const clientsCount = held.filter(({ length }) => length > 0).length
    assert.deepEqual(await store.countOffline(), { subsCount, clientsCount })
    const bytes = store instanceof MemoryPersistence ? store.queuedBytes : await store.countQueuedBytes?.()
    assert.equal(bytes, model.queuedBytes, 'bytes in all queues')
    assert.equal(store.nextDeadline(), model.nextDeadline(), 'next deadline')
    const due = (await store.dueWills(this.now, 100)).map(({ clientId }) => clientId)
    const expected = [...model.wills].filter(([, { dueAt }]) => dueAt !== undefined && dueAt <= this.now)
    assert.deepEqual(due.sort(), expected.map(([clientId]) => clientId).sort(), 'wills')
  }

  async #checkSession(clientId: string): Promise<void> {
    const { store, model } = this
    const session = model.sessions.get(clientId)
    const found = await store.openSession(clientId)
    assert.equal(found?.expiryInterval, session?.expiryInterval)
    assert.equal(found?.expiresAt, session?.expiresAt)
    const filters = found?.subscriptions.map(({ topic, qos }) => `${topic} ${qos}`) ?? []
    const expected = [...(session?.subscriptions.values() ?? [])].map(({ topic, qos }) => `${topic} ${qos}`)
    assert.deepEqual(filters.sort(), expected.sort())
    assert.deepEqual(new Set(found?.incoming), new Set(session?.incoming))
    const expired = session?.expiresAt !== undefined && session.expiresAt <= this.now
    assert.equal((await store.expiredSessions(this.now, 100)).includes(clientId), expired)
    await this.#checkQueue(clientId)
  }

  async #checkQueue(clientId: string): Promise<void> {
    const queue = this.model.sessions.get(clientId)?.queue ?? []
    const expected = queue.map(({ message: each, packetId, isReleased }) => [each.brokerCounter, packetId, isReleased])
    const entries = await all(this.store.queued(clientId))
    const rows = entries.map(({ ref, packetId, message: each }) => [ref.brokerCounter, packetId, each === undefined])
    assert.deepEqual(rows, expected, `queue of ${clientId}`)
    const inflight = (await all(this.store.inflight(clientId))).map(({ ref, packetId }) => [
      ref.brokerCounter,
      packetId,
    ])
    const sent = expected.filter(([, packetId]) => packetId !== undefined)
    assert.deepEqual(
      inflight,
      sent.map(([counter, packetId]) => [counter, packetId]),
    )
    assert.deepEqual(await this.store.queueSize(clientId), amountOf(queue))
    for (const [i, { message: each, isReleased }] of queue.entries()) {
      if (!isReleased) assert.deepEqual(entries[i]?.message?.payload, each.payload)
    }
  }
}

const anyClient = fc.constantFrom(...CLIENTS)
const anyTime = fc.integer({ min: -10, max: 30 })
const anyPacketId = fc.integer({ min: 1, max: 5 })

function inSession(clientId: string, act: (run: Run) => void): Action {
  return run => {
    if (run.model.sessions.has(clientId)) act(run)
  }
}

const save = fc.tuple(anyClient, fc.constantFrom(0, 1, 60, NEVER), fc.option(anyTime, { nil: undefined })).map(
  ([clientId, expiryInterval, after]): Action =>
    run => {
      const expiresAt = after === undefined || expiryInterval === NEVER ? undefined : run.now + after
      run.model.save(clientId, expiryInterval, expiresAt)
      run.begin(() => run.store.saveSession({ clientId, expiryInterval, expiresAt }))
    },
)

const end = anyClient.map(
  (clientId): Action =>
    run => {
      run.model.sessions.delete(clientId)
      run.begin(() => run.store.deleteSession(clientId))
    },
)

const subscribe = fc
  .tuple(anyClient, fc.constantFrom(...FILTERS), fc.constantFrom<0 | 1 | 2>(0, 1, 2))
  .map(([clientId, topic, qos]) =>
    inSession(clientId, run => {
      run.model.sessions.get(clientId)?.subscriptions.set(topic, { topic, qos })
      run.begin(() => run.store.addSubscriptions({ id: clientId }, [{ topic, qos }]))
    }),
  )

const unsubscribe = fc.tuple(anyClient, fc.constantFrom(...FILTERS)).map(([clientId, topic]) =>
  inSession(clientId, run => {
    run.model.sessions.get(clientId)?.subscriptions.delete(topic)
    run.begin(() => run.store.removeSubscriptions({ id: clientId }, [topic]))
  }),
)

const enqueue = fc
  .record({
    clientIds: fc.uniqueArray(anyClient, { minLength: 1 }),
    bytes: fc.nat(6),
    expiry: fc.option(anyTime, { nil: undefined }),
    maxMessages: fc.constantFrom(1, 2, 4, 100),
    maxBytes: fc.constantFrom(4, 10, 1000),
    maxTotalBytes: fc.constantFrom(8, 16, 1000),
    overflow: fc.constantFrom<OverflowPolicy>('drop-newest', 'drop-oldest', 'reject'),
  })
  .map(
    ({ clientIds, bytes, expiry, maxTotalBytes, ...limits }): Action =>
      run => {
        const messageExpiry = expiry === undefined ? undefined : run.now + expiry
        const queued = message({ payload: Buffer.alloc(bytes, run.messages.length), messageExpiry })
        run.messages.push(queued)
        const deliveries = clientIds.map(clientId => to(clientId))
        const expected = run.model.enqueue(queued, deliveries, policy(limits, maxTotalBytes))
        run.begin(
          () => run.store.enqueue(queued, deliveries, policy(limits, maxTotalBytes)),
          outcome => {
            const lost = outcome === 'refused' ? outcome : (outcome ?? [])
            const losses =
              typeof lost === 'string' ? lost : lost.map(each => lossOf(each.clientId, each.message, each.reason))
            assert.deepEqual(losses, expected)
          },
        )
      },
  )

const again = fc.nat(1000).map(
  (index): Action =>
    run => {
      const queued = run.messages[index % Math.max(run.messages.length, 1)]
      const clientIds = CLIENTS.filter(clientId => queued !== undefined && run.model.entry(clientId, queued))
      if (queued === undefined || clientIds.length === 0) return
      run.begin(
        () =>
          run.store.enqueue(
            queued,
            clientIds.map(clientId => to(clientId)),
            policy({ maxMessages: 1, overflow: 'reject' }),
          ),
        outcome => assert.equal(outcome, undefined),
      )
    },
)

const progress = fc
  .tuple(anyClient, fc.nat(1000), anyPacketId, fc.constantFrom('sent', 'released', 'removed', 'removed'))
  .map(
    ([clientId, index, packetId, state]): Action =>
      run => {
        const each = run.messages[index % Math.max(run.messages.length, 1)]
        if (each === undefined) return
        const { store, model } = run
        const copy = { message: each, qos: 1, retain: false, subscriptionIdentifiers: undefined } as const
        if (state === 'sent') {
          model.markSent(clientId, each, packetId)
          run.begin(() => store.markSent(clientId, refOf(each), packetId, copy))
        } else if (state === 'released') {
          model.markReleased(clientId, each, packetId)
          run.begin(() => store.markReleased(clientId, refOf(each), packetId))
        } else {
          model.removeQueued(clientId, each)
          run.begin(() => store.removeQueued(clientId, refOf(each), packetId, undefined))
        }
      },
  )

const incoming = fc.tuple(anyClient, anyPacketId, fc.boolean()).map(([clientId, packetId, isNew]) =>
  inSession(clientId, run => {
    const noted = run.model.sessions.get(clientId)!.incoming
    if (isNew) noted.add(packetId)
    else noted.delete(packetId)
    run.begin(() => (isNew ? run.store.addIncoming(clientId, packetId) : run.store.removeIncoming(clientId, packetId)))
  }),
)

const retain = fc.tuple(fc.constantFrom(...TOPICS), fc.nat(3), fc.option(anyTime, { nil: undefined })).map(
  ([topic, bytes, expiry]): Action =>
    run => {
      const messageExpiry = expiry === undefined ? undefined : run.now + expiry
      const retained = message({ topic, retain: true, payload: Buffer.alloc(bytes), messageExpiry })
      run.model.retain(retained)
      run.begin(() => run.store.storeRetained(retained))
      assert.deepEqual(
        [run.store.retainedCount, run.store.retainedBytes],
        [run.model.retained.size, run.model.retainedBytes],
      )
      const found = run.store.retainedOf(topic) as Message | undefined
      assert.equal(found?.brokerCounter, run.model.matching([topic], run.now)[0]?.brokerCounter)
    },
)

const saveWill = fc.tuple(anyClient, fc.option(anyTime, { nil: undefined }), fc.constantFrom(0, 1, 100)).map(
  ([clientId, after, willDelayInterval]): Action =>
    run => {
      const dueAt = after === undefined ? undefined : run.now + after
      const saved = will({ properties: { willDelayInterval } })
      run.model.wills.set(clientId, { will: saved, dueAt })
      run.begin(() => run.store.saveWill(clientId, saved, dueAt))
    },
)

const deleteWill = anyClient.map(
  (clientId): Action =>
    run => {
      run.model.wills.delete(clientId)
      run.begin(() => run.store.deleteWill(clientId))
    },
)

const sweep = fc.constantFrom(1, 2, 100).map(
  (limit): Action =>
    async run => {
      await run.settled()
      const expected = run.model.sweep(run.now)
      const found = { dropped: [] as string[], retained: [] as string[] }
      for (let more = true; more; ) {
        const step: SweepResult = await run.store.sweep(run.now, limit)
        assert.ok(step.dropped.length + step.retained.length <= limit)
        found.dropped.push(...step.dropped.map(each => lossOf(each.clientId, each.message, each.reason)))
        found.retained.push(...step.retained.map(({ topic }) => topic))
        more = step.more
      }
      assert.deepEqual({ dropped: found.dropped.sort(), retained: found.retained.sort() }, expected)
    },
)

const wait = fc.nat(20).map(
  (ms): Action =>
    run =>
      run.wait(ms),
)
const check = fc.constant<Action>(run => run.check())
const recover = fc.constant<Action>(async run => {
  await run.settled()
  run.model.recover(run.now)
  await run.store.recover(run.now)
})
const reopen = fc.constant<Action>(run => run.reopen())

const anyAction = fc.oneof(
  { weight: 4, arbitrary: save },
  { weight: 2, arbitrary: end },
  { weight: 3, arbitrary: subscribe },
  unsubscribe,
  { weight: 12, arbitrary: enqueue },
  again,
  { weight: 10, arbitrary: progress },
  { weight: 2, arbitrary: incoming },
  { weight: 4, arbitrary: retain },
  { weight: 2, arbitrary: saveWill },
  deleteWill,
  sweep,
  wait,
  { weight: 2, arbitrary: check },
  recover,
  reopen,
)

async function holds(makeRun: () => Run, numRuns: number): Promise<void> {
  const property = fc.asyncProperty(fc.array(anyAction, { maxLength: 60, size: 'max' }), async actions => {
    const run = makeRun()
    await run.store.setup(BROKER)
    try {
      for (const clientId of CLIENTS) run.model.save(clientId, 60, undefined)
      for (const clientId of CLIENTS)
        await run.store.saveSession({ clientId, expiryInterval: 60, expiresAt: undefined })
      for (const action of actions) await action(run)
      await run.check()
      await run.reopen()
      await run.check()
    } finally {
      await run.store.destroy()
    }
  })
  await fc.assert(property, { numRuns })
}

describe('random operations in random order', () => {
  const count = Number(process.env.ANAX_MODEL_RUNS ?? runs(60))

  it('the store in memory behaves like the model', () =>
    holds(
      () =>
        new Run(
          now => createMemoryPersistence({ now }),
          async store => {
            await store.destroy()
            return store
          },
        ),
      5 * count,
    ))

  for (const durability of ['commit', 'sync'] as const) {
    it(`the store on disk behaves like the model, with durability ${durability}`, () =>
      holds(() => {
        const path = temporaryFolder()
        return new Run(
          now => createLmdbPersistence({ path, durability, now, verify: 'off' }),
          async (store, now) => {
            await store.destroy()
            return createLmdbPersistence({ path, durability, now, verify: 'off' })
          },
        )
      }, count))
  }
})
