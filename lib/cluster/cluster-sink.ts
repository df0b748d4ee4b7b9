/**
 * The stations of a message that is published on a node of a cluster: QoS 1 and 2, and what is retained, are one write to the
 * log, which brings them to every node; QoS 0 is routed here and sent to the others. Owns what is written together with a
 * message; must not know who receives it.
 */
import type { Client } from '../../types/client.js'
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
import { type OwnedSession, refOf } from './owned-session.js'

const NOBODY: readonly MatchedSubscription[] = []

export interface ClusterSinkParts {
  readonly options: ResolvedOptions
  readonly authorizer: Authorizer
  readonly events: EventSink
  readonly link: ClusterLink
  readonly store: ClusterStore
  /** Delivers a QoS 0 message to the clients that are here, shared subscriptions left out. */
  routeHere(message: PublishMessage): void
  /** A copy of a shared subscription's message was dealt with. */
  sharedDone(ref: MessageRef): void
  /** A client is sent a message that its session has read from the log. */
  sentFromQueue(ref: MessageRef, clientId: string): void
}

export class ClusterSink implements MessageSink {
  readonly #parts: ClusterSinkParts
  #counter = 0

  constructor(parts: ClusterSinkParts) {
    this.#parts = parts
  }

  /** Gives a message that is in no log an identity. */
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
    // the log brings the others
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
      // what is written next must not leave it out
      if (kind === 'will') store.restoreWill(clientId, will)
      throw error
    }
  }

  /** Where the engine cannot tell the place, the message has an identity of this broker. */
  #identify(message: PublishMessage, position: LogPosition | undefined): void {
    if (position === undefined) this.number(message)
    else Object.assign(message, refOf(position))
  }
}

/** Retained messages of QoS 0 are kept as well, and must not overtake others of their topic. */
function isLogged({ qos, retain }: PublishMessage): boolean {
  return qos > 0 || retain
}

/** The writes that belong to a message. */
function withCompanion(owned: OwnedSession, companion: Companion): ClusterWrite {
  if (companion.kind === 'packet id') {
    owned.incoming.add(companion.packetId)
    owned.progressWritten()
    const progress = owned.progressRecord()
    // a session that ends with its connection has no records
    return progress === undefined ? {} : { records: { c: progress } }
  }
  owned.will = undefined
  // in one step: nobody finds it in the record once it is published
  return { records: { s: owned.settingsRecord() } }
}
