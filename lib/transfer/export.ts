/**
 * Reads everything in a store through the contract of stores. Owns the order of the records; knows no particular store.
 */
import type { Message } from '../../types/message/message.js'
import type {
  AedesPersistence,
  QueuedMessage,
  SessionPersistence,
  StoredRelease,
  StoredSession,
} from '../../types/persistence.js'
import { AnaxError } from '../index.js'
import { HEADER, type QueuedRecord, type StoreRecord } from './records.js'

/** The options of an export. */
export interface ExportOptions {
  /**
   * The clients whose sessions are exported. A store that has only the contract of `aedes-persistence` cannot list
   * them; for others the default is all.
   */
  clientIds?: Iterable<string> | AsyncIterable<string>
}

/** A store with the extension, or a cluster by `openClusterExport`, as an export sees it. */
export type ExportableStore = Pick<
  SessionPersistence,
  'sessionPersistence' | 'queued' | 'retained' | 'sessions' | 'wills'
> &
  Partial<Pick<SessionPersistence, 'openSession'>>

/** Sessions of stores that do not keep an expiry never expire. */
const NEVER_EXPIRES = 0xffff_ffff

/**
 * Reads retained messages (except those whose topic begins with `$`), sessions with their subscriptions and queues, and
 * wills. The store must be set up. If it is in use, the export is not a consistent snapshot.
 * @throws AnaxError ANAX_ERR_ARGUMENT if the store cannot list its sessions, and no clients are named
 */
export async function* exportStore(
  store: AedesPersistence | ExportableStore,
  { clientIds }: ExportOptions = {},
): AsyncGenerator<StoreRecord> {
  yield HEADER
  // retained messages first: a cluster has them in its log as well, from where the sessions after them would get them
  if (isSessionStore(store)) {
    for await (const message of store.retained(['#'])) yield { kind: 'retained', message: plainMessage(message) }
    yield* sessionsOf(store, clientIds)
    if (store.wills !== undefined) {
      for await (const { clientId, will, dueAt } of store.wills()) yield { kind: 'will', clientId, will, dueAt }
    }
    return
  }
  if (clientIds === undefined) throw cannotList()
  for await (const message of store.createRetainedStream('#')) {
    yield { kind: 'retained', message: plainMessage(message) }
  }
  for await (const clientId of clientIds) yield* sessionOf(store, clientId)
  for await (const will of store.streamWill()) {
    if (will.clientId !== undefined) yield { kind: 'will', clientId: will.clientId, will, dueAt: undefined }
  }
}

function isSessionStore(store: AedesPersistence | ExportableStore): store is ExportableStore {
  return (store as Partial<ExportableStore>).sessionPersistence === 1
}

async function* sessionsOf(store: ExportableStore, clientIds: ExportOptions['clientIds']): AsyncGenerator<StoreRecord> {
  if (clientIds === undefined && store.sessions === undefined) throw cannotList()
  for await (const session of clientIds === undefined ? store.sessions!() : named(store, clientIds)) {
    yield { kind: 'session', ...session }
    for await (const entry of store.queued(session.clientId)) yield queuedRecord(entry)
  }
}

async function* named(
  store: ExportableStore,
  clientIds: NonNullable<ExportOptions['clientIds']>,
): AsyncGenerator<StoredSession> {
  if (store.openSession === undefined) {
    throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: 'a cluster is exported as a whole, without clientIds' })
  }
  for await (const clientId of clientIds) {
    const session = await store.openSession(clientId)
    if (session !== undefined) yield session
  }
}

function queuedRecord({ message, ref, delivery, packetId }: QueuedMessage): QueuedRecord {
  const { brokerId, brokerCounter } = ref
  return {
    kind: 'queued',
    ...delivery,
    ref: { brokerId, brokerCounter },
    message: message && plainMessage(message),
    packetId,
  }
}

/** The session, as far as the contract of `aedes-persistence` provides it. */
async function* sessionOf(store: AedesPersistence, clientId: string): AsyncGenerator<StoreRecord> {
  const subscriptions = (await store.subscriptionsByClient({ id: clientId })) ?? []
  yield {
    kind: 'session',
    clientId,
    expiryInterval: NEVER_EXPIRES,
    expiresAt: undefined,
    subscriptions: subscriptions.map(({ clientId: _, ...subscription }) => subscription),
    incoming: [],
  }
  for await (const packet of store.outgoingStream({ id: clientId })) yield packetRecord(clientId, packet)
}

function packetRecord(clientId: string, packet: Message | StoredRelease): QueuedRecord {
  const { brokerId = '', brokerCounter = packet.messageId ?? 0 } = packet
  const packetId = packet.messageId ?? undefined
  const isReleased = packet.cmd === 'pubrel'
  return {
    kind: 'queued',
    clientId,
    qos: isReleased ? 2 : packet.qos,
    retain: isReleased ? false : (packet.retain ?? false),
    subscriptionIdentifiers: undefined,
    share: undefined,
    ref: { brokerId, brokerCounter },
    message: isReleased ? undefined : plainMessage(packet),
    packetId,
  }
}

/** A message's own fields, without what a store adds to them. */
function plainMessage(message: Message): Message {
  const { brokerId, brokerCounter, topic, payload, qos, retain, dup, clientId, properties, messageExpiry } = message
  const identity = { cmd: 'publish', brokerId, brokerCounter, topic, payload, qos, retain, dup } as const
  const { username, receivedAt } = message
  return { ...identity, messageId: undefined, clientId, username, receivedAt, properties, messageExpiry }
}

function cannotList(): AnaxError {
  return new AnaxError('ANAX_ERR_ARGUMENT', { detail: 'this store cannot list its sessions: name them (clientIds)' })
}
