/**
 * Delivers messages of the log and of other nodes to the sessions of this node. Owns which stored sessions get a
 * message live: those that have read the log up to it. Applies the limits of queues to the others. Must not know the
 * engine.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LogEntry, LogPosition } from '../../types/cluster.js'
import type { Message } from '../../types/message/message.js'
import type { MatchedSubscription, MaybePromise, MessageRef, QueueLimits } from '../../types/persistence.js'
import { markPayloadOwned, PublishMessage } from '../codec/publish-message.js'
import { sizeInQueue } from '../model/backlog.js'
import { ensureRecord } from '../model/routing-record.js'
import { isPromise } from '../util/maybe-promise.js'
import type { ClusterStore } from './cluster-store.js'
import { type BroughtFilters, type OwnedSession, positionOf, refOf } from './sessions/owned-session.js'

const NOBODY: ReadonlyMap<OwnedSession, boolean> = new Map()

/** Messages that are routed before yielding to the event loop, so that clients can acknowledge. */
const SLICE = 50

export interface LogConsumerParts {
  readonly store: ClusterStore
  readonly interests: BroughtFilters
  /** The matching subscriptions of stored sessions that are connected here, except for shared ones. */
  storedHere(topic: string): MatchedSubscription[]
  /** A promise until all connected clients have room; undefined if they have. */
  hold(message: PublishMessage): Promise<void> | undefined
  /**
   * Delivers to the clients of this node, except for shared subscriptions. May take several turns of the event loop.
   */
  route(message: PublishMessage): MaybePromise<void>
  /** Makes a session read the log. @param bytes of the message that waits there */
  read(clientId: string, bytes: number): void
  /** The current limits of the queue of a connected client. */
  limitsNow(clientId: string): QueueLimits
  /** Called for a message that exceeds the limits of a queue. */
  dropped(clientId: string, message: Message): void
  number(message: PublishMessage): void
}

export class LogConsumer {
  readonly #parts: LogConsumerParts
  /** By shard, the message that is being delivered in several turns of the event loop. */
  readonly #underWay: (PublishMessage | undefined)[] = []
  #count = 0

  constructor(parts: LogConsumerParts) {
    this.#parts = parts
  }

  /** Handles a message of the log. The shard waits for the promise. */
  arrived({ message: content, position }: LogEntry): void | Promise<unknown> {
    const message = messageOfEntry(content)
    Object.assign(message, refOf(position))
    const held = this.#parts.hold(message)
    const delivered =
      held === undefined ? this.#deliver(message, position) : this.#deliverAfter(held, message, position)
    if (delivered !== undefined) return delivered
    if (++this.#count % SLICE === 0) return nextTurn()
  }

  async #deliverAfter(held: Promise<void>, message: PublishMessage, position: LogPosition): Promise<void> {
    await held
    await this.#deliver(message, position)
  }

  /**
   * The next message of the shard waits for the promise. If it was sent first, the session's position would pass this
   * one, and a client that cannot take this one immediately would never get it.
   */
  #deliver(message: PublishMessage, position: LogPosition): MaybePromise<void> {
    const receivers = message.qos > 0 ? this.#receivers(message, position) : NOBODY
    const routed = this.#parts.route(message)
    if (isPromise(routed)) return this.#deliverFurther(routed, receivers, message, position)
    this.#noteWaiting(receivers, message, position)
  }

  /**
   * Delivers the rest in later turns. Meanwhile sessions may begin and read the log, so the message goes live only to
   * those that were receivers at the start and have not read it.
   */
  async #deliverFurther(
    routed: Promise<void>,
    receivers: ReadonlyMap<OwnedSession, boolean>,
    message: PublishMessage,
    position: LogPosition,
  ): Promise<void> {
    const deliveries = [...receivers.keys()].map(owned => owned.deliveryOf(message, position))
    ensureRecord(message).compareWith(deliveries.filter(delivery => delivery !== undefined))
    this.#underWay[position.shard] = message
    await routed
    this.#underWay[position.shard] = undefined
    this.#noteWaiting(receivers, message, position)
  }

  /**
   * Called when a client is sent a message that its session has read: if it is just being delivered, this client must
   * not get it again.
   */
  sentFromQueue(ref: MessageRef, clientId: string): void {
    const position = positionOf(ref)
    const message = position && this.#underWay[position.shard]
    if (message !== undefined && message.brokerCounter === ref.brokerCounter) ensureRecord(message).withhold(clientId)
  }

  /** Counts the message as waiting for receivers that did not get it, and makes those that are behind read the log. */
  #noteWaiting(receivers: ReadonlyMap<OwnedSession, boolean>, message: PublishMessage, position: LogPosition): void {
    for (const [owned, isBehind] of receivers) {
      if (owned.isDone(position)) continue
      const bytes = sizeInQueue(message)
      owned.backlog.add(position, bytes)
      if (isBehind) this.#parts.read(owned.claim.clientId, bytes)
    }
  }

  /** Handles a QoS 0 message of another node. */
  signalled(content: Message): void {
    const message = messageOfEntry(content)
    this.#parts.number(message)
    this.#parts.route(message)
  }

  /** @returns the stored sessions that get the message, and whether they must read the log before they get it */
  #receivers(message: PublishMessage, position: LogPosition): ReadonlyMap<OwnedSession, boolean> {
    const receivers = new Map<OwnedSession, boolean>()
    const { store, interests, storedHere } = this.#parts
    for (const { clientId, nl } of storedHere(message.topic)) {
      const owned = store.owned(clientId)
      if (owned === undefined || (nl === true && clientId === message.clientId)) continue
      receivers.set(owned, !owned.isLive(position.shard, interests))
    }
    for (const [owned, isBehind] of receivers) {
      const isWanted = !owned.isDone(position) && this.#hasRoom(owned, message, position)
      if (!isWanted) receivers.delete(owned)
      if (!isWanted || isBehind) ensureRecord(message).withhold(owned.claim.clientId)
    }
    return receivers
  }

  /**
   * Drops the message, or the oldest ones, for a client that reads too slowly.
   * @returns whether this message is accepted
   */
  #hasRoom({ backlog, claim }: OwnedSession, message: PublishMessage, position: LogPosition): boolean {
    // nothing waits, so no limit applies
    if (backlog.messages === 0) return true
    const { limitsNow, dropped } = this.#parts
    const { maxMessages, maxBytes, overflow } = limitsNow(claim.clientId)
    const bytes = sizeInQueue(message)
    const isFull = () => backlog.messages >= maxMessages || backlog.bytes + bytes > maxBytes
    if (!isFull()) return true
    if (overflow === 'drop-oldest') {
      while (backlog.messages > 0 && isFull()) backlog.dropOldest()
      return true
    }
    backlog.drop(position)
    dropped(claim.clientId, message)
    return false
  }
}

/** Converts a message of the engine for the router. */
export function messageOfEntry(content: Message): PublishMessage {
  const { topic, payload, qos, retain, properties, clientId, messageExpiry } = content
  const message = new PublishMessage(topic, payload, qos, retain, false, undefined, properties)
  message.clientId = clientId
  message.messageExpiry = messageExpiry
  markPayloadOwned(message)
  return message
}
