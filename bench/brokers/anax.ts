/** Anax, with the store asked for, as a broker under test; a program of its own, started by start.ts. */

import { createBroker } from '../../lib/index.js'
import { WebSocketStream } from '../../lib/server/web-socket/web-socket-stream.js'
import type { Store } from '../types.js'
import { hostArguments, serve } from './serve.js'

const setup = hostArguments()

/** Ten rules for each of a thousand users; one of them allows the topics of the benchmark. */
async function accessList() {
  const { aclFile, allow, compose, custom } = await import('../../lib/auth/index.js')
  const users = Array.from({ length: 1000 }, (_, user) => {
    const others = Array.from({ length: 9 }, (_, rule) => allow({ all: `users/${user}/${rule}/+/#` }))
    return [`user-${user}`, [...others, allow({ all: 'bench/#' })]] as const
  })
  const known = custom(({ client }) => ({ username: `user-${Number(/\d+$/.exec(client.id)?.[0] ?? 0) % 1000}` }))
  return compose([known, aclFile({ users: new Map(users) })])
}

const granting = {
  authorizePublish: () => true,
  authorizeSubscribe: () => true,
  authorizeForward: <T>(_client: unknown, packet: T) => packet,
}

const hooks = setup.hooks === 'acl' ? await accessList() : setup.hooks === 'authorise' ? granting : {}

/** The benchmark uses large numbers: no limit may interfere. */
const unlimited = {
  maxConnections: Number.POSITIVE_INFINITY,
  maxPacketSize: 268_435_460,
  maxSubscriptions: Number.POSITIVE_INFINITY,
  maxFiltersPerPacket: Number.POSITIVE_INFINITY,
  maxSessions: Number.POSITIVE_INFINITY,
  maxRetainedMessages: Number.POSITIVE_INFINITY,
  maxRetainedBytes: Number.POSITIVE_INFINITY,
}

const limits =
  setup.queue === 'default'
    ? unlimited
    : {
        ...unlimited,
        maxQueuedMessages: Number.MAX_SAFE_INTEGER,
        maxQueuedBytes: Number.MAX_SAFE_INTEGER,
        maxTotalQueuedBytes: Number.MAX_SAFE_INTEGER,
      }

/** Loaded on demand, because code takes memory, too, and the garbage collector has to examine it. */
async function durable(durability: 'commit' | 'sync') {
  const { createLmdbPersistence } = await import('../../lib/persistence/lmdb/lmdb.js')
  return { persistence: createLmdbPersistence({ path: setup.folder, durability }) }
}

const stores: Partial<Record<Store, () => ReturnType<typeof durable>>> = {
  'lmdb-commit': () => durable('commit'),
  'lmdb-sync': () => durable('sync'),
}

const broker = await createBroker({ ...hooks, ...limits, ...(await stores[setup.store]?.()) })
if (setup.metrics) await (await import('../../lib/metrics/index.js')).createMetrics(broker)
serve(
  stream => broker.handle(stream),
  socket => broker.handle(new WebSocketStream(socket)),
)
