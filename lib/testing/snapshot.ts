/**
 * The state of a broker at one moment, as plain JSON in a stable order. Reads broker and store;
 * changes neither.
 */
import type { AedesPersistence, SessionPersistence } from '../../types/persistence.js'
import type { Broker, ClientSubscription, ProtocolVersion, QoS } from '../index.js'
import { RecordedMessage } from './message-log.js'
import { sessionsOf } from './watched/store.js'

/** A filter that a session is subscribed to. */
export interface SubscriptionSnapshot {
  topic: string
  qos: QoS
}

/** A connected client. */
export interface ClientSnapshot {
  /** Client identifier. */
  id: string
  /** Protocol level. */
  version: ProtocolVersion | undefined
  /** Clean session, or clean start. */
  clean: boolean
  /** Seconds. */
  keepalive: number
}

/** A session, whether its client is connected or not. */
export interface SessionSnapshot {
  /** Client identifier. */
  clientId: string
  /** Whether its client is connected. */
  connected: boolean
  /** Its subscriptions, by filter. */
  subscriptions: SubscriptionSnapshot[]
  /** Messages in its stored queue, including unacknowledged ones. */
  queued: number
}

/** Everything. */
export interface Snapshot {
  /** By client identifier. */
  clients: ClientSnapshot[]
  /** By client identifier. */
  sessions: SessionSnapshot[]
  /** By topic. */
  retained: ReturnType<RecordedMessage['toJSON']>[]
  /** In the order of publishing, since the last `clear()`. */
  messages: ReturnType<RecordedMessage['toJSON']>[]
}

type Store = AedesPersistence & Partial<Pick<SessionPersistence, 'queueSize' | 'sessions'>>

/** The connected clients. */
export function clientsOf(broker: Broker): ClientSnapshot[] {
  const clients = Object.values(broker.clients)
  return clients
    .map(({ id, version, clean, keepalive }) => ({ id, version, clean, keepalive }))
    .sort(by(({ id }) => id))
}

/** Sessions of connected clients, and stored ones. If the store cannot list them, those that a kit has seen begin. */
export async function readSessions(broker: Broker, store: Store): Promise<SessionSnapshot[]> {
  for await (const { clientId } of store.sessions?.() ?? []) sessionsOf(store).add(clientId)
  const ids = [...new Set([...Object.keys(broker.clients), ...sessionsOf(store)])].sort()
  return Promise.all(ids.map(clientId => readSession(clientId, broker, store)))
}

/** The retained messages of a filter. */
export async function readRetained(store: Store, filter: string): Promise<RecordedMessage[]> {
  const found: RecordedMessage[] = []
  for await (const message of store.createRetainedStream(filter)) found.push(new RecordedMessage(message))
  return found.sort(by(({ topic }) => topic))
}

async function readSession(clientId: string, broker: Broker, store: Store): Promise<SessionSnapshot> {
  const client = broker.clients[clientId]
  const found = client?.subscriptions.values() ?? (await store.subscriptionsByClient({ id: clientId })) ?? []
  const isStored = sessionsOf(store).has(clientId)
  const size = isStored ? await store.queueSize?.(clientId) : undefined
  return {
    clientId,
    connected: client !== undefined,
    subscriptions: [...(found as Iterable<ClientSubscription>)]
      .map(({ topic, qos }) => ({ topic, qos }))
      .sort(by(({ topic }) => topic)),
    queued: size?.messages ?? 0,
  }
}

function by<T>(key: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0)
}
