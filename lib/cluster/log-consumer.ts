/**
 * Delivers messages of the log and of other nodes to the sessions of this node. Owns which stored sessions get a
 * message live: those that have read the log up to it. Must not know the engine.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LogEntry, LogPosition } from '../../types/cluster.js'
import type { Message } from '../../types/message.js'
import type { MatchedSubscription } from '../../types/persistence.js'
import { markPayloadOwned, PublishMessage } from '../codec/publish-message.js'
import { ensureRecord } from '../model/routing-record.js'
import type { ClusterInterests } from './cluster-interests.js'
import type { ClusterStore } from './cluster-store.js'
import { type OwnedSession, refOf } from './owned-session.js'

/** Messages that are routed before the event loop gets its turn, so that clients can acknowledge. */
const SLICE = 50

export interface LogConsumerParts {
  readonly store: ClusterStore
  readonly interests: ClusterInterests
  /** The subscriptions of stored sessions that are connected here, shared ones left out. */
  storedHere(topic: string): MatchedSubscription[]
  /** A promise until all connected clients have room; undefined if they have. */
  hold(message: PublishMessage): Promise<void> | undefined
  /** Delivers to the clients that are here, shared subscriptions left out. */
  route(message: PublishMessage): void
  /** The session has to read the log. */
  read(clientId: string): void
  number(message: PublishMessage): void
}

export class LogConsumer {
  readonly #parts: LogConsumerParts
  #count = 0

  constructor(parts: LogConsumerParts) {
    this.#parts = parts
  }

  /** Handles a message of the log. The shard waits for the promise. */
  arrived({ message: content, position }: LogEntry): void | Promise<unknown> {
    const message = messageOfEntry(content)
    Object.assign(message, refOf(position))
    const held = this.#parts.hold(message)
    if (held !== undefined) return held.then(() => this.#deliver(message, position))
    this.#deliver(message, position)
    if (++this.#count % SLICE === 0) return nextTurn()
  }

  #deliver(message: PublishMessage, position: LogPosition): void {
    const behind = message.qos > 0 ? this.#withhold(message, position) : []
    this.#parts.route(message)
    for (const clientId of behind) this.#parts.read(clientId)
  }

  /** Handles a QoS 0 message of another node. */
  signalled(content: Message): void {
    const message = messageOfEntry(content)
    this.#parts.number(message)
    this.#parts.route(message)
  }

  /** @returns the sessions that must read the log before they get anything live */
  #withhold(message: PublishMessage, position: LogEntry['position']): string[] {
    const behind: string[] = []
    const { store, storedHere } = this.#parts
    for (const { clientId, topic } of storedHere(message.topic)) {
      const owned = store.owned(clientId)
      if (owned === undefined) continue
      const isDone = owned.isDone(position)
      if (!isDone && this.#isLive(owned, topic, position.shard)) continue
      ensureRecord(message).withhold(clientId)
      if (!isDone) behind.push(clientId)
    }
    return behind
  }

  /** Whether a session has read the log up to where the filter began to be brought. */
  #isLive(owned: OwnedSession, filter: string, shard: number): boolean {
    const since = this.#parts.interests.since(filter)
    return since !== undefined && owned.readUpTo[shard]! >= since[shard]!
  }
}

/** A message as the router takes it. */
export function messageOfEntry(content: Message): PublishMessage {
  const { topic, payload, qos, retain, properties, clientId, messageExpiry } = content
  const message = new PublishMessage(topic, payload, qos, retain, false, undefined, properties)
  message.clientId = clientId
  message.messageExpiry = messageExpiry
  markPayloadOwned(message)
  return message
}
