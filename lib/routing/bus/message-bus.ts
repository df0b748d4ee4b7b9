/**
 * The way of messages from their publishers to the router, as the broker sees it. A contract: whether the bus is within
 * the process or is one that the host gave is not known here.
 */
import type { MaybePromise, MessageRef } from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import type { Interests } from './interests.js'

export interface MessageBus extends Interests {
  /** Whether a message may be routed later than `publish` is called. */
  readonly isDeferred: boolean
  /** Hands a message over; done when the bus has it. Throws or rejects with ANAX_ERR_BUS. */
  publish(message: PublishMessage): MaybePromise<void>
  /** A message was refused: the bus must not route it as one of this broker's. */
  abandon(message: PublishMessage): void
  /** A client was sent a message from its queue: a copy that the bus has not brought yet is not for that client. */
  sentFromQueue(ref: MessageRef, clientId: string): void
  close(): Promise<void>
}
