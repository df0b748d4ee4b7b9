/**
 * Shared by the tests of the store contract: a new store for each test, and functions that create messages. Awaits
 * everything, so that stores with plain values and with promises are tested alike.
 */
import type { Message } from '../../../types/message/message.js'
import type {
  MaybeAsyncIterable,
  MaybePromise,
  MessageRef,
  QueueDelivery,
  QueuedMessage,
  QueueLimits,
  QueuePolicy,
  SessionPersistence,
  StoredWill,
} from '../../../types/persistence.js'

/** A store as the suite sees it. */
export interface PersistenceSuiteOptions {
  /** The function `test` of `node:test`, or one like it. */
  test: (name: string, body: () => Promise<void>) => unknown
  /** Creates an empty store, not yet set up. */
  create: () => MaybePromise<SessionPersistence>
  /** Runs after each test, when the store has been destroyed. */
  cleanup?: (store: SessionPersistence) => MaybePromise<void>
  /** Closes a store and opens its data again, not yet set up. */
  reopen?: (store: SessionPersistence) => MaybePromise<SessionPersistence>
}

/** The broker that the stores of the suite are set up for. */
export const BROKER = { id: 'broker-1' }

/** Runs each test with its own store. */
export class Harness {
  readonly #options: PersistenceSuiteOptions

  constructor(options: PersistenceSuiteOptions) {
    this.#options = options
  }

  /** Defines a test. It may return a store that replaced the given one. */
  test(name: string, body: (store: SessionPersistence) => Promise<SessionPersistence | void>): void {
    const { test, create, cleanup } = this.#options
    test(`store: ${name}`, async () => {
      let store = await create()
      await store.setup(BROKER)
      try {
        store = (await body(store)) ?? store
      } finally {
        await store.destroy()
        await cleanup?.(store)
      }
    })
  }
}

/** All items, whether they are fetched or available. */
export async function all<T>(items: MaybeAsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

let counter = 0

/** A message with a unique identity. */
export function message(fields: Partial<Message> = {}): Message {
  return {
    cmd: 'publish',
    brokerId: BROKER.id,
    brokerCounter: ++counter,
    topic: 'a/b',
    payload: Buffer.from('payload'),
    qos: 1,
    retain: false,
    dup: false,
    messageId: undefined,
    clientId: 'publisher',
    properties: undefined,
    messageExpiry: undefined,
    ...fields,
  }
}

/** The expected message when it comes back: its packet id belongs to each delivery. */
export function content({ payload, ...rest }: Message): Record<string, unknown> {
  const { cmd, brokerId, brokerCounter, topic, qos, retain, dup, clientId, properties, messageExpiry } = rest
  const text = payload.toString('latin1')
  return { cmd, brokerId, brokerCounter, topic, text, qos, retain, dup, clientId, properties, messageExpiry }
}

/** A delivery to a session. */
export function to(clientId: string, fields: Partial<QueueDelivery> = {}): QueueDelivery {
  return { clientId, qos: 1, retain: false, subscriptionIdentifiers: undefined, share: undefined, ...fields }
}

/** The same limits for every session. */
export function policy(limits: Partial<QueueLimits> = {}, maxTotalBytes = Number.MAX_SAFE_INTEGER): QueuePolicy {
  const all: QueueLimits = { maxMessages: 1000, maxBytes: 1_000_000, overflow: 'drop-newest', ...limits }
  return { limitsOf: () => all, maxTotalBytes }
}

/** Creates sessions that are connected and expire an hour after. */
export async function saveSessions(store: SessionPersistence, ...clientIds: string[]): Promise<void> {
  for (const clientId of clientIds) await store.saveSession({ clientId, expiryInterval: 3600, expiresAt: undefined })
}

/** Queues messages with these payloads, one after the other. */
export async function enqueue(store: SessionPersistence, clientId: string, ...payloads: string[]): Promise<Message[]> {
  const messages = payloads.map(payload => message({ payload: Buffer.from(payload) }))
  for (const each of messages) await store.enqueue(each, [to(clientId)], policy())
  return messages
}

/** The payloads in a queue, in order; undefined for what was released. */
export async function payloads(store: SessionPersistence, clientId: string): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = []
  for await (const entry of store.queued(clientId)) found.push(entry.message?.payload.toString())
  return found
}

/** The only entry of a queue. */
export async function onlyEntry(store: SessionPersistence, clientId: string): Promise<QueuedMessage> {
  const entries = await all(store.queued(clientId))
  if (entries.length !== 1) throw new Error(`one entry expected, found ${entries.length}`)
  return entries[0]!
}

/** The identity of a message. */
export function refOf({ brokerId, brokerCounter }: MessageRef): MessageRef {
  return { brokerId, brokerCounter }
}

/** A will. */
export function will(fields: Partial<StoredWill> = {}): StoredWill {
  return { topic: 'gone', payload: Buffer.from('bye'), qos: 1, retain: false, ...fields }
}

/** Marks a message as sent to the session with this packet id. */
export async function markSent(
  store: SessionPersistence,
  clientId: string,
  each: Message,
  packetId: number,
): Promise<void> {
  const copy = { message: each, qos: 1, retain: false, subscriptionIdentifiers: undefined } as const
  await store.markSent(clientId, refOf(each), packetId, copy)
}

/** Removes a message that was delivered (with this packet id, if it was sent), or is no longer needed. */
export async function removeQueued(
  store: SessionPersistence,
  clientId: string,
  ref: MessageRef,
  packetId?: number,
): Promise<void> {
  await store.removeQueued(clientId, refOf(ref), packetId, undefined)
}
