/** How long a broker takes to start with the data of an earlier run on the disk, from its process to its port. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLmdbPersistence, type LmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import type { QueuePolicy } from '../../../types/persistence.js'
import { cores, end, nextMessage, startNode } from '../../brokers/process.js'
import type { HostArguments } from '../../brokers/serve.js'
import { residentBytes } from '../../measure.js'
import { type LoadContext, plainSetup, type Sample, type Scenario, scenario } from '../../types.js'
import { scaled } from './held.js'

const HOST = fileURLToPath(new URL('../../brokers/anax.js', import.meta.url))
const BROKER_ID = 'bench'
const EXPIRY = 3600
/** Changes that are pending at the same time. */
const BATCH = 1000
const payload = Buffer.alloc(64, 'x')
const { MAX_SAFE_INTEGER } = Number
const unbounded: QueuePolicy = {
  limitsOf: () => ({ maxMessages: MAX_SAFE_INTEGER, maxBytes: MAX_SAFE_INTEGER, overflow: 'reject' }),
  maxTotalBytes: MAX_SAFE_INTEGER,
}

async function inBatches(count: number, one: (index: number) => Promise<unknown>): Promise<void> {
  for (let start = 0; start < count; start += BATCH) {
    await Promise.all(Array.from({ length: Math.min(BATCH, count - start) }, (_, i) => one(start + i)))
  }
}

const clientOf = (index: number) => `client-${index}`

async function addSession(store: LmdbPersistence, index: number, expiresAt: number): Promise<void> {
  const subscription = { topic: `site/${index % 1000}/device/${index}`, qos: 1, nl: false, rap: false, rh: 0 } as const
  await Promise.all([
    store.saveSession({ clientId: clientOf(index), expiryInterval: EXPIRY, expiresAt }),
    store.addSubscriptions({ id: clientOf(index) }, [subscription]),
  ])
}

async function addMessage(store: LmdbPersistence, index: number, clientId: string): Promise<void> {
  const message = {
    cmd: 'publish',
    brokerId: BROKER_ID,
    brokerCounter: index + 1,
    topic: 'bench/open',
    payload,
    qos: 1,
    retain: false,
    dup: false,
    messageId: undefined,
    clientId: 'feeder',
    properties: undefined,
    messageExpiry: undefined,
  } as const
  const delivery = { clientId, qos: 1, retain: false, subscriptionIdentifiers: undefined, share: undefined } as const
  await store.enqueue(message, [delivery], unbounded)
}

async function fill(path: string, sessions: number, messages: number): Promise<void> {
  const store = createLmdbPersistence({ path })
  await store.setup({ id: BROKER_ID })
  const expiresAt = Date.now() + EXPIRY * 1000
  await inBatches(sessions, i => addSession(store, i, expiresAt))
  await inBatches(messages, i => addMessage(store, i, clientOf(i % sessions)))
  await store.destroy()
}

async function start(folder: string): Promise<Sample> {
  const files = { folder, keyFile: '', certificateFile: '' }
  const parameters: HostArguments = { ...plainSetup, ...files, store: 'lmdb-commit', metrics: false }
  const begin = performance.now()
  const child = startNode(cores.broker, HOST, ['--expose-gc'], [JSON.stringify(parameters)])
  await nextMessage(child)
  const sample = { start: performance.now() - begin, resident: residentBytes(child.pid!) }
  await end(child)
  return sample
}

async function run(context: LoadContext): Promise<Sample> {
  const folder = mkdtempSync(join(tmpdir(), 'anax-bench-open-'))
  try {
    await fill(folder, scaled(context, 100_000), scaled(context, 1_000_000))
    return await start(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const openScenarios: Scenario[] = [
  scenario({
    name: 'open',
    title: 'a start with 100,000 sessions, each with a subscription, and 1,000,000 queued messages on the disk',
    section: 'held',
    unit: 'start',
    headline: 'start',
    brokers: ['anax-lmdb-commit'],
    maxRepetitions: 1,
    timeLimit: 300,
    run,
  }),
]
