/** The port from which new subscriptions read retained messages. A contract: limits and store are not known here. */
import type { Message } from '../../types/message.js'
import type { MaybeAsyncIterable } from '../../types/persistence.js'

export interface RetainedMessages {
  /** The retained messages whose topics match one of the filters. */
  matching(filters: readonly string[]): MaybeAsyncIterable<Message>
}
