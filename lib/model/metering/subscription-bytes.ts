/** The memory of subscriptions, for the limits in bytes: the size of one, and the sum. Must not know their owners. */

/** Bytes in addition to the filter: the entries in the session and in the router, and the subscription itself. */
const OVERHEAD_BYTES = 256

/** Bytes of one subscription. */
export function subscriptionBytes(filter: string): number {
  return OVERHEAD_BYTES + Buffer.byteLength(filter)
}

/** Bytes of the subscriptions of all connected clients. */
export class SubscriptionLoad {
  bytes = 0
}
