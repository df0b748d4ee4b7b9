/**
 * Checks the limits of retained messages: the rule that all stores share. Must not know how messages are stored.
 */
import type { Message } from '../../types/message/message.js'
import type { RetainedLimits } from '../../types/persistence.js'
import { messageBytes } from '../codec/message-bytes.js'
import { AnaxError } from '../errors.js'

/** Totals of a store. */
export interface RetainedTotals {
  readonly count: number
  readonly bytes: number
  /** Bytes of a topic's message; 0 if there is none. */
  bytesAt(topic: string): number
}

/**
 * Checks a message that is about to be stored.
 * @throws AnaxError ANAX_ERR_QUOTA
 */
export function checkRetained(message: Message, limits: RetainedLimits, totals: RetainedTotals): void {
  const { topic, payload } = message
  if (payload.length === 0) return
  const { maxMessages, maxBytes } = limits
  const bytes = totals.bytes + messageBytes(message)
  if (totals.count < maxMessages && bytes <= maxBytes) return
  // At a limit, a message that replaces another may still fit.
  const replaced = totals.bytesAt(topic)
  if (replaced === 0 && totals.count >= maxMessages) throw quotaError(`already ${maxMessages} retained messages`)
  if (bytes - replaced > maxBytes) throw quotaError(`all retained messages together may have ${maxBytes} bytes`)
}

function quotaError(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_QUOTA', { detail })
}
