/**
 * The store of a broker that is a node of a cluster: sessions are records of the engine, and a queue is the part of the
 * log after the session's cursor. Owns the sessions that this node has claimed; must not know who sends, nor the
 * router.
 */
import type { Claim, ClusterNode, ClusterWrite, LogPosition } from '../../types/cluster.js'
import type { Message } from '../../types/message/message.js'
import type {
  MaybeAsyncIterable,
  MessageRef,
  QueueDelivery,
  QueuedMessage,
  QueueLimits,
  SentCopy,
  SessionChange,
  StoreClient,
  StoredSession,
  StoredSubscription,
  StoredWill,
} from '../../types/persistence.js'
import { AnaxError } from '../errors.js'
import { refKey } from '../model/message.js'
import type { ClusterLink } from './cluster-link.js'
import { LogBackedStore } from './log-backed-store.js'
import { LogQueue } from './sessions/log-queue.js'
import { type BroughtFilters, OwnedSession, ownRecord, type SessionSettings } from './sessions/owned-session.js'
import { inflightOf, waitingOf } from './sessions/session-queue.js'
import { SessionWriter } from './sessions/session-writer.js'

/** Maximum number of records of one write. */
const RECORDS_AT_ONCE = 400

export interface ClusterStoreParts {
  readonly link: ClusterLink
  readonly brought: BroughtFilters
  /** Reports a failure in the background. */
  failed(error: unknown): void
  limitsOf(clientId: string): QueueLimits
  /** Called for a message that exceeds the limits of a queue. */
  dropped(clientId: string, message: Message): void
  /** Milliseconds since the epoch. */
  now(): number
}

export class ClusterStore extends LogBackedStore {
  readonly #link: ClusterLink
  readonly #owned = new Map<string, OwnedSession>()
  readonly #writer: SessionWriter
  readonly #queue: LogQueue
  readonly #parts: ClusterStoreParts

  constructor(parts: ClusterStoreParts) {
    super()
    const { link, failed } = parts
    this.#parts = parts
    this.#link = link
    this.#writer = new SessionWriter(link, failed)
    this.#queue = new LogQueue({ ...parts, write: (owned, records) => this.#write(owned, { records }) })
  }

  /** The session of a client that this node owns. */
  owned(clientId: string): OwnedSession | undefined {
    return this.#owned.get(clientId)
  }

  /** Makes this node the owner of a client identifier. Rejects with ANAX_ERR_CLUSTER, ANAX_ERR_FENCED. */
  async claim(clientId: string, giveUp: Pick<AbortController, 'signal'>): Promise<OwnedSession> {
    const { node } = this.#link
    const claim = await node.claim(clientId, giveUp)
    return this.#own(node, claim)
  }

  /** The same, unless a live node owns it. */
  async claimIfFree(clientId: string): Promise<OwnedSession | undefined> {
    const { node } = this.#link
    const claim = await node.claimIfFree(clientId)
    return claim && (await this.#own(node, claim))
  }

  async #own(node: ClusterNode, claim: Claim): Promise<OwnedSession> {
    const { clientId } = claim
    try {
      const owned = new OwnedSession(claim, node.shards, await node.load(claim))
      // the lease that it was claimed with may be lost by now
      if (!this.#link.has(node)) throw fencedError(clientId)
      this.#owned.set(clientId, owned)
      if (claim.wasInUse) {
        // the stored times are those of an earlier connection
        owned.useEnded(this.#queue.keepAt(owned, this.#parts.now()))
      } else if (this.#queue.isTooLate(owned, this.#parts.now())) {
        const detail = `the log may have forgotten messages that ${clientId} has not got`
        this.#parts.failed(new AnaxError('ANAX_ERR_CLUSTER', { detail }))
      }
      return owned
    } catch (error) {
      await node.release(claim, 'keep')
      throw error
    }
  }

  /** Releases the client identifier, and writes the state to keep. */
  async release(clientId: string): Promise<void> {
    const owned = this.#owned.get(clientId)
    if (owned === undefined) return
    this.#owned.delete(clientId)
    this.#writer.end(owned)
    // a node that only took care of the session has read nothing for it
    if (!owned.isBehind) owned.keepAt = this.#queue.keepAt(owned, this.#parts.now())
    await this.#link.node.release(owned.claim, 'keep', lastWriteOf(owned))
  }

  /** Copies the messages that the log will soon discard into an owned session. */
  async keepQueue(clientId: string): Promise<void> {
    const owned = this.#owned.get(clientId)
    if (owned?.session === undefined || owned.keepAt === undefined || owned.keepAt > this.#parts.now()) return
    await this.#queue.keep(owned)
    owned.isBehind = false
  }

  /** Forgets all sessions, because the lease is lost. */
  forgetAll(): void {
    for (const owned of this.#owned.values()) this.#writer.forget(owned)
    this.#owned.clear()
  }

  openSession(clientId: string): StoredSession | undefined {
    return this.#owned.get(clientId)?.toStored()
  }

  saveSession(change: SessionChange): void | Promise<void> {
    const owned = this.#owned.get(change.clientId)
    if (owned === undefined) return
    return owned.session === undefined ? this.#beginSession(owned, change) : this.#changeSession(owned, change)
  }

  async #beginSession(owned: OwnedSession, change: SessionChange): Promise<void> {
    await this.#begin(owned)
    await this.#changeSession(owned, change)
  }

  #changeSession(owned: OwnedSession, { expiryInterval, expiresAt, details }: SessionChange): void | Promise<void> {
    const before = owned.session
    owned.session = { expiryInterval, expiresAt, details: details ?? before?.details }
    // the rest is written when the claim is released, so that a client that reconnects costs no write
    if (expiresAt === undefined && !isUsedAlike(before, owned.session)) return this.#writeSettings(owned)
  }

  async deleteSession(clientId: string): Promise<void> {
    const owned = this.#owned.get(clientId)
    if (owned === undefined) return
    const names = owned.recordNames
    owned.session = undefined
    owned.subscriptions.clear()
    owned.sent.clear()
    owned.incoming.clear()
    owned.own.clear()
    owned.hasProgressRecord = false
    if (!owned.hasRecords) return
    for (let i = 0; i < names.length; i += RECORDS_AT_ONCE) {
      const records = Object.fromEntries(names.slice(i, i + RECORDS_AT_ONCE).map(name => [name, undefined]))
      await this.#write(owned, { records })
    }
    await this.#write(owned, { records: { s: owned.settingsRecord() }, ...deadlineOf(owned) })
    owned.hasRecords = owned.will !== undefined
  }

  async addSubscriptions({ id }: StoreClient, subscriptions: StoredSubscription[]): Promise<void> {
    const owned = this.#mustOwn(id)
    // earlier messages are not for it
    const since = await this.#link.node.ends()
    if (owned.filters.length === 0) owned.skipTo(since)
    for (const subscription of subscriptions) {
      const known = owned.subscriptions.get(subscription.topic)
      owned.subscribe({ ...subscription }, known?.since ?? since)
    }
    await this.#writeSettings(owned)
  }

  async removeSubscriptions({ id }: StoreClient, topics: string[]): Promise<void> {
    const owned = this.#owned.get(id)
    if (owned === undefined) return
    for (const topic of topics) owned.subscriptions.delete(topic)
    await this.#writeSettings(owned)
  }

  subscriptionsByClient({ id }: StoreClient): StoredSubscription[] {
    return this.#owned.get(id)?.toStored()?.subscriptions ?? []
  }

  /** Appends a message to one session's queue, outside of the log. */
  async append(message: Message, delivery: QueueDelivery): Promise<void> {
    const owned = this.#mustOwn(delivery.clientId)
    const name = owned.addOwn(message, delivery)
    await this.#write(owned, { records: { [name]: ownRecord({ message, delivery }) } })
  }

  queued(clientId: string): MaybeAsyncIterable<QueuedMessage> {
    const owned = this.#owned.get(clientId)
    // most sessions that are resumed have missed nothing
    const isEmpty = owned === undefined || (owned.own.size === 0 && this.#queue.finish(owned))
    return isEmpty ? [] : waitingOf(owned, this.#queue)
  }

  inflight(clientId: string): MaybeAsyncIterable<QueuedMessage> {
    const owned = this.#owned.get(clientId)
    return owned === undefined || owned.sent.size === 0 ? [] : inflightOf(owned, this.#link.node)
  }

  markSent(clientId: string, ref: MessageRef, packetId: number, copy: SentCopy): void | Promise<void> {
    const owned = this.#owned.get(clientId)
    if (owned === undefined) throw fencedError(clientId)
    const { qos, retain, subscriptionIdentifiers } = copy
    owned.markSent(ref, packetId, { clientId, qos, retain, subscriptionIdentifiers, share: undefined })
    return qos === 2 ? this.#writer.writeNow(owned) : this.#writer.writeSoon(owned)
  }

  markReleased(clientId: string, ref: MessageRef, packetId: number): Promise<void> {
    const owned = this.#mustOwn(clientId)
    const entry = owned.sent.get(refKey(ref))
    if (entry !== undefined) entry.released = true
    else owned.sent.set(refKey(ref), { ref, packetId, delivery: noDelivery(clientId), released: true })
    return this.#writer.writeNow(owned)
  }

  removeQueued(clientId: string, ref: MessageRef): void | Promise<void> {
    const owned = this.#owned.get(clientId)
    if (owned === undefined) return
    owned.advance(ref)
    owned.sent.delete(refKey(ref))
    const name = owned.removeOwn(ref)
    this.#writer.writeSoon(owned)
    if (name !== undefined) return this.#write(owned, { records: { [name]: undefined } }).then(() => {})
  }

  queueSize(clientId: string): { messages: number; bytes: number } {
    const owned = this.#owned.get(clientId)
    if (owned === undefined) return { messages: 0, bytes: 0 }
    const { sent, own, backlog } = owned
    return { messages: sent.size + own.size + backlog.messages, bytes: backlog.bytes }
  }

  addIncoming(clientId: string, packetId: number): Promise<void> {
    const owned = this.#mustOwn(clientId)
    owned.incoming.add(packetId)
    return this.#writer.writeNow(owned)
  }

  removeIncoming(clientId: string, packetId: number): void | Promise<void> {
    const owned = this.#owned.get(clientId)
    if (owned?.incoming.delete(packetId) !== true) return
    return this.#writer.writeNow(owned)
  }

  async saveWill(clientId: string, will: StoredWill, dueAt: number | undefined): Promise<void> {
    const owned = this.#owned.get(clientId)
    if (owned === undefined) return
    owned.will = { will, dueAt }
    if (dueAt === undefined) await this.#writeSettings(owned)
  }

  deleteWill(clientId: string): void | Promise<void> {
    const owned = this.#owned.get(clientId)
    if (owned?.will !== undefined) return this.#deleteWill(owned)
  }

  async #deleteWill(owned: OwnedSession): Promise<void> {
    owned.will = undefined
    await this.#writeSettings(owned)
    owned.hasRecords = owned.session !== undefined
  }

  /** Restores a will that could not be published. */
  restoreWill(clientId: string, will: OwnedSession['will']): void {
    const owned = this.#owned.get(clientId)
    if (owned !== undefined) owned.will ??= will
  }

  getWill({ id }: StoreClient): StoredWill | undefined {
    return this.#owned.get(id)?.will?.will
  }

  async *retained(filters: readonly string[]): AsyncGenerator<Message> {
    yield* this.#link.node.retained(filters)
  }

  async retainedOf(topic: string): Promise<Message | undefined> {
    for await (const message of this.#link.node.retained([topic])) if (message.topic === topic) return message
    return undefined
  }

  async destroy(): Promise<void> {
    await this.#link.close()
  }

  /** Writes a message. @returns its position */
  writeMessage(write: ClusterWrite): Promise<LogPosition | undefined> {
    return this.#link.node.write(undefined, write)
  }

  /** Writes a message together with records of its client. @returns its position */
  async writeMessageOf(
    clientId: string,
    write: ClusterWrite,
    change: (owned: OwnedSession) => ClusterWrite,
  ): Promise<LogPosition | undefined> {
    const owned = this.#mustOwn(clientId)
    return await this.#link.node.write(owned.claim, { ...write, ...change(owned) })
  }

  /** Sets the cursor of a new session to the end of the log, so that it gets no earlier messages. */
  async #begin(owned: OwnedSession): Promise<void> {
    owned.skipTo(await this.#link.node.ends())
    owned.isBehind = false
  }

  #mustOwn(clientId: string): OwnedSession {
    const owned = this.#owned.get(clientId)
    if (owned === undefined) throw fencedError(clientId)
    return owned
  }

  async #writeSettings(owned: OwnedSession): Promise<void> {
    const records = { s: owned.settingsRecord() }
    owned.hasRecords ||= records.s !== undefined
    await this.#write(owned, { records })
  }

  #write(owned: OwnedSession, write: ClusterWrite): Promise<unknown> {
    return this.#link.node.write(owned.claim, write)
  }
}

/** Whether the settings that must survive a crash of this node are unchanged. */
function isUsedAlike(before: OwnedSession['session'], { expiryInterval, details }: SessionSettings): boolean {
  return before?.expiryInterval === expiryInterval && before.details?.username === details?.username
}

/** The session state that is written when the claim is released. */
function lastWriteOf(owned: OwnedSession): ClusterWrite {
  if (!owned.hasRecords && owned.session === undefined && owned.will === undefined) return {}
  // in one record, so that one read is enough when the client reconnects
  const records = { s: owned.settingsRecord(), ...(owned.hasProgressRecord && { c: undefined }) }
  return { records, deadline: { at: owned.nextDeadline() } }
}

function deadlineOf(owned: OwnedSession): ClusterWrite {
  return { deadline: { at: owned.nextDeadline() } }
}

function noDelivery(clientId: string): QueueDelivery {
  return { clientId, qos: 2, retain: false, subscriptionIdentifiers: undefined, share: undefined }
}

function fencedError(clientId: string): AnaxError {
  return new AnaxError('ANAX_ERR_FENCED', { detail: `${clientId} belongs to another node` })
}
