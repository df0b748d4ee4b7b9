/**
 * Publishes messages on a node of a cluster: QoS 1, QoS 2 and retained messages are written to the log, from which
 * every node reads them; other messages are routed here and sent to the other nodes. Owns what is written together with
 * a message; must not know who receives it.
 */
import type { Client } from '../../types/client/client.js'
import type { ClusterWrite, LogPosition } from '../../types/cluster.js'
import type { MatchedSubscription, MaybePromise, MessageRef, QueueDelivery } from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { AnaxError } from '../errors.js'
import { keepPayload } from '../model/message.js'
import type { Authorizer } from '../ports/authorizer.js'
import type { EventSink } from '../ports/event-sink.js'
import type { Companion, MessageSink } from '../ports/message-sink.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'
import type { ClusterLink } from './cluster-link.js'
import type { ClusterStore } from './cluster-store.js'
import { type OwnedSession, refOf } from './sessions/owned-session.js'

const NOBODY: readonly MatchedSubscription[] = []

export interface ClusterSinkParts {
  readonly options: ResolvedOptions
  readonly authorizer: Authorizer
  readonly events: EventSink
  readonly link: ClusterLink
  readonly store: ClusterStore
  /** Delivers a QoS 0 message to the clients of this node, except for shared subscriptions. */
  routeHere(message: PublishMessage): void
  /** Called when a copy of a shared subscription's message was acknowledged or dropped. */
  sharedDone(ref: MessageRef): void
  /** Called when a client is sent a message that its session has read from the log. */
  sentFromQueue(ref: MessageRef, clientId: string): void
}

export class ClusterSink implements MessageSink {
  readonly #parts: ClusterSinkParts
  #counter = 0

  constructor(parts: ClusterSinkParts) {
    this.#parts = parts
  }

  /** Numbers a message that is not in the log. */
  readonly number = (message: PublishMessage): void => {
    message.brokerId = this.#parts.options.id
    message.brokerCounter = ++this.#counter
  }

  match(): readonly MatchedSubscription[] {
    return NOBODY
  }

  store(message: PublishMessage, _: readonly MatchedSubscription[], companion?: Companion): MaybePromise<void> {
    if (message.retain) this.#checkRetained(message)
    if (!isLogged(message)) {
      this.number(message)
      return
    }
    return this.#append(message, companion)
  }

  route(message: PublishMessage): void {
    // the others arrive from the log
    if (isLogged(message)) return
    const { link, routeHere } = this.#parts
    routeHere(message)
    if (link.isJoined) link.node.signal(message)
  }

  abandon(): void {}

  published(message: PublishMessage, client: Client | null): MaybePromise<AnaxError | undefined> {
    const { authorizer, events } = this.#parts
    if (events.has('publish')) events.emit('publish', message, client)
    return authorizer.published?.(message, client)
  }

  enqueue(message: PublishMessage, delivery: QueueDelivery): Promise<void> {
    keepPayload(message)
    return this.#parts.store.append(message, delivery)
  }

  sharedDone(ref: MessageRef): void {
    this.#parts.sharedDone(ref)
  }

  sentFromQueue(ref: MessageRef, clientId: string): void {
    this.#parts.sentFromQueue(ref, clientId)
  }

  #checkRetained({ payload }: PublishMessage): void {
    const { maxRetainedPayload } = this.#parts.options
    if (payload.length <= maxRetainedPayload) return
    throw new AnaxError('ANAX_ERR_QUOTA', { detail: `a retained payload may have ${maxRetainedPayload} bytes` })
  }

  async #append(message: PublishMessage, companion: Companion | undefined): Promise<void> {
    this.#identify(message, await this.#write(message, companion))
  }

  async #write(message: PublishMessage, companion: Companion | undefined): Promise<LogPosition | undefined> {
    const { store } = this.#parts
    if (companion === undefined) return await store.writeMessage({ message })
    const { clientId, kind } = companion
    const will = store.owned(clientId)?.will
    try {
      return await store.writeMessageOf(clientId, { message }, owned => withCompanion(owned, companion))
    } catch (error) {
      // the next write must include it
      if (kind === 'will') store.restoreWill(clientId, will)
      throw error
    }
  }

  /** Numbers the message by its position, or as one of this broker if the engine does not know the position. */
  #identify(message: PublishMessage, position: LogPosition | undefined): void {
    if (position === undefined) this.number(message)
    else Object.assign(message, refOf(position))
  }
}

/** Retained QoS 0 messages are stored as well, and must not overtake others of their topic. */
function isLogged({ qos, retain }: PublishMessage): boolean {
  return qos > 0 || retain
}

/** The writes that belong to a message. */
function withCompanion(owned: OwnedSession, companion: Companion): ClusterWrite {
  if (companion.kind === 'packet id') {
    owned.incoming.add(companion.packetId)
    const progress = owned.progressRecord()
    // a session that ends with its connection has no records
    return progress === undefined ? {} : { records: { c: progress } }
  }
  owned.will = undefined
  // in one step, so that no record has the will once it is published
  return { records: { s: owned.settingsRecord() } }
}
