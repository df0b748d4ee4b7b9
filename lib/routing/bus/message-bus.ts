/**
 * Carries messages from publishers to the router, as the broker sees it. A contract: whether the bus is within the
 * process or belongs to the host is not known here.
 */
import type { MaybePromise, MessageRef } from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import type { Interests } from './interests.js'

export interface MessageBus extends Interests {
  /** Whether a message may be routed later than `publish` is called. */
  readonly isDeferred: boolean
  /** Publishes a message; done when the bus has it. Throws or rejects with ANAX_ERR_BUS. */
  publish(message: PublishMessage): MaybePromise<void>
  /** Called for a message that was refused: it must not be routed as one of this broker's. */
  abandon(message: PublishMessage): void
  /**
   * Called when a client was sent a message from its queue: a copy that the bus brings later is not for that client.
   */
  sentFromQueue(ref: MessageRef, clientId: string): void
  close(): Promise<void>
}
