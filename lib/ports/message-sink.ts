/** The port to which published messages go. A contract: store, bus and receivers are not known here. */
import type { Client } from '../../types/client/client.js'
import type { MatchedSubscription, MaybePromise, MessageRef, QueueDelivery } from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import type { AnaxError } from '../errors.js'

/** The writes that belong to a message. */
export type Companion =
  /** The packet id of a QoS 2 message, which a stored session must know until it is released [MQTT-4.3.3-10]. */
  | { readonly kind: 'packet id'; readonly clientId: string; readonly packetId: number }
  /** The message is a client's will, which is deleted afterwards. A store that supports it does both in one step. */
  | { readonly kind: 'will'; readonly clientId: string }

/**
 * The steps of publishing a message, in the order of the calls. Each may throw or reject with an AnaxError; then the
 * message is refused.
 */
export interface PublishPath {
  /** Finds the stored subscriptions that match, for `store` alone to read. May run for many messages at once. */
  match(message: PublishMessage): MaybePromise<readonly MatchedSubscription[]>
  /**
   * Numbers the message, and keeps it for later subscribers and for the stored sessions that `match` found. Must be
   * called in the publisher's order, which becomes the order of the queues. The message may have no number before this
   * is done.
   */
  store(
    message: PublishMessage,
    matched: readonly MatchedSubscription[],
    companion: Companion | undefined,
  ): MaybePromise<void>
  /** Called for a message that will not be routed, but may be stored, in part or as a whole. */
  abandon(message: PublishMessage): void
  /** Publishes the message on the bus. */
  route(message: PublishMessage): MaybePromise<void>
  /** Tells the host that the message was published. @returns why the publisher gets a refusal nevertheless */
  published(message: PublishMessage, client: Client | null): MaybePromise<AnaxError | undefined>
}

/** Where published messages go. */
export interface MessageSink extends PublishPath {
  /** Appends a message to one session's stored queue, without routing it. */
  enqueue(message: PublishMessage, delivery: QueueDelivery): MaybePromise<void>
  /**
   * Called when a client was sent a message from its stored queue: if the message is not routed yet, the client must
   * not get it again.
   */
  sentFromQueue(ref: MessageRef, clientId: string): void
  /** Called when a message of a shared subscription was acknowledged or dropped. Missing if nothing depends on that. */
  sharedDone?(ref: MessageRef): void
}
