/** The port to which published messages go. A contract: store, bus and receivers are not known here. */
import type { Client } from '../../types/client.js'
import type { MatchedSubscription, MaybePromise, MessageRef, QueueDelivery } from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import type { AnaxError } from '../errors.js'

/** Where published messages go. */
export interface MessageSink {
  /** Finds the stored subscriptions that it is for. Throws or rejects with an AnaxError where it cannot be kept. */
  match(message: PublishMessage): MaybePromise<readonly MatchedSubscription[]>
  /**
   * Numbers the message; keeps it for later subscribers and for the stored sessions that {@link match} found.
   * To be called in the publisher's order: that of the queues follows from it. Throws or rejects with an AnaxError.
   */
  store(message: PublishMessage, matched: readonly MatchedSubscription[]): MaybePromise<void>
  /** It was stored and will not be routed after all: the bus will not bring what is in the queues already. */
  abandon(message: PublishMessage): void
  /** Hands it to the bus. Throws or rejects with an AnaxError. */
  route(message: PublishMessage): MaybePromise<void>
  /** Tells the host. */
  published(message: PublishMessage, client: Client | null): MaybePromise<AnaxError | undefined>
  /** Appends a message to one session's stored queue, outside of the routing. */
  enqueue(message: PublishMessage, delivery: QueueDelivery): MaybePromise<void>
  /** A session was sent a message from its stored queue: where it is not routed yet, it is not for that session any more. */
  sentFromQueue(ref: MessageRef, clientId: string): void
}
