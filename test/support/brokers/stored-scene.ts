/**
 * Published stores that have only the contract of `aedes-persistence`, each behind a broker: a scene with restarts,
 * after which nothing may be left in the store. Knows the list of stores.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Broker, createBroker } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { ConnectPacket, ProtocolVersion } from '../../../types/message/packets.js'
import type { AedesPersistence } from '../../../types/persistence.js'
import { receiveAll, textOf } from '../clients/exchange.js'
import { SpecClient } from '../clients/spec-client.js'
import { byEffort, effort } from '../effort.js'
import { Redis, withoutRedis } from '../programs/redis.js'
import { type WatchedStore, watchedStore } from './stores.js'

const require = createRequire(import.meta.url)

/** Turns of the event loop without work, after which no more is expected. */
const QUIET_TURNS = 20

/** The queue entries that Redis reads at a time; the packages' default is 1000. */
export const LONG_QUEUE = 60

/** One Redis for all tests of a file, which run one after the other. */
let redis: Redis | undefined

after(() => redis?.stop())

export interface Scene {
  broker: Broker
  clock: FakeClock
  version: ProtocolVersion
  store: Store
  connect(clientId: string, packet?: Partial<ConnectPacket>): Promise<SpecClient>
  /** Stops the broker, and starts another one on the same store. */
  restart(): Promise<void>
  /** Restarts the process that keeps the data, if there is one. */
  restartServer(): Promise<void>
  /** Waits for slow operations of the store. */
  settle(): Promise<void>
}

export interface Store {
  /** Whether its data outlives its process. */
  survives: boolean
  /**
   * Whether queued messages keep their properties and their expiry; the documentation names the packages for which this
   * is not so.
   */
  keepsProperties: boolean
  /** The versions of the protocol in its tests. */
  versions: ProtocolVersion[]
  /** For a test's options: false, or the reason why it is skipped. */
  skip: string | false
  /** @param shown how many entries of a queue it reads at a time, if it has such a limit */
  open(folder: string, shown: number): Promise<AedesPersistence>
  /** Its content, if the test can see it. */
  keys?(): string[]
}

/** Each step is a round trip and slow: each package is tested with one version of the protocol. */
function redisStore(name: string, version: ProtocolVersion): Store {
  return {
    versions: effort === 'full' ? [4, 5] : [version],
    survives: true,
    keepsProperties: true,
    skip: withoutRedis,
    // without the mark of the broker, which exists while the broker runs
    keys: () => redis?.keys().filter(key => !key.includes('broker')) ?? [],
    open: async (_folder, shown) => {
      redis ??= await Redis.start()
      const Persistence = require(`${name}/asyncPersistence.js`)
      return new Persistence({ path: redis.path, maxSessionDelivery: shown }) as AedesPersistence
    },
  }
}

export const STORES: Record<string, Store> = {
  'in memory': {
    survives: false,
    keepsProperties: true,
    versions: [4, 5],
    skip: false,
    open: async () => new (require('aedes-persistence/asyncPersistence.js'))() as AedesPersistence,
  },
  'on disk': {
    survives: true,
    keepsProperties: false,
    versions: byEffort({ fast: [5], normal: [5], full: [4, 5] }),
    skip: false,
    open: async folder => {
      const { Level } = require('level')
      const Persistence = require('aedes-persistence-level/asyncPersistence.js')
      return new Persistence(new Level(folder)) as AedesPersistence
    },
  },
  'in Redis, version 11': redisStore('aedes-persistence-redis', 4),
  'in Redis, version 12': redisStore('aedes-persistence-redis-12', 5),
}

/** The stores that a test is for: all, those that outlive the process, those with their own process. */
type Which = 'all' | 'those that survive' | 'servers'

interface StoredOptions {
  which?: Which
  versions?: ProtocolVersion[]
  /** The queue entries that a store reads at a time, if it has such a limit. */
  shown?: number
}

/** Declares a test for each store and version of the protocol. */
export function stored(
  title: string,
  body: (scene: Scene) => Promise<void>,
  { which = 'all', versions = [4, 5], shown = LONG_QUEUE }: StoredOptions = {},
): void {
  for (const [name, store] of Object.entries(STORES)) {
    if (which === 'those that survive' && !store.survives) continue
    if (which === 'servers' && store.keys === undefined) continue
    for (const version of versions.filter(each => store.versions.includes(each))) {
      test(`${title} (${name}, version ${version})`, { skip: store.skip }, () => runScene(store, version, body, shown))
    }
  }
}

async function runScene(
  store: Store,
  version: ProtocolVersion,
  body: (scene: Scene) => Promise<void>,
  shown: number,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'anax-aedes-'))
  const clock = new FakeClock()
  const clientIds = new Set<string>()
  let watched: WatchedStore
  const start = async () => {
    watched = watchedStore(await store.open(folder, shown))
    return createBroker({ id: 'broker:1', clock, persistence: watched.store })
  }
  const stop = async (broker: Broker) => {
    let closed = false
    const closing = broker.close().then(() => {
      closed = true
    })
    while (!closed) await clock.advance(1000)
    await closing
  }
  const scene: Scene = {
    broker: await start(),
    clock,
    version,
    store,
    async connect(clientId, packet = {}) {
      clientIds.add(clientId)
      const client = new SpecClient(scene.broker, version)
      const { returnCode, reasonCode } = await client.connect({ clientId, ...packet })
      assert.equal(returnCode ?? reasonCode, 0)
      return client
    },
    async restart() {
      await stop(scene.broker)
      scene.broker = await start()
    },
    async restartServer() {
      await redis?.restart()
    },
    async settle() {
      for (let quiet = 0; quiet < QUIET_TURNS; quiet = watched.isIdle ? quiet + 1 : 0) {
        await new Promise(resolve => setImmediate(resolve))
      }
    },
  }
  try {
    await body(scene)
    await assertNothingIsLeft(scene, clientIds)
  } finally {
    await stop(scene.broker)
    redis?.clear()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Ends all sessions and deletes all retained messages; then the store must be empty. */
async function assertNothingIsLeft(scene: Scene, clientIds: ReadonlySet<string>): Promise<void> {
  if (scene.store.keys === undefined) return
  for (const clientId of clientIds) await (await scene.connect(clientId)).disconnect()
  const reader = await scene.connect('reader')
  await reader.subscribe({ topic: '#', qos: 0 })
  await scene.settle()
  for (const packet of await receiveAll(reader)) {
    if (packet.cmd === 'publish') await scene.broker.publish({ topic: packet.topic, payload: '', retain: true })
  }
  await reader.disconnect()
  await scene.broker.publish({ topic: '$SYS/x', payload: '', retain: true })
  await scene.settle()
  assert.deepEqual(scene.store.keys(), [])
}

/** The packets that arrive within the time that a store takes. */
export async function texts(client: SpecClient, { settle }: Scene): Promise<string[]> {
  const received: string[] = []
  for (let quiet = 0; quiet < 2; quiet++) {
    await settle()
    const packets = await receiveAll(client)
    if (packets.length > 0) quiet = -1
    received.push(...packets.map(textOf))
  }
  return received
}
