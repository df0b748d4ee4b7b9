/** What subscriptions take in memory, for the limits in bytes: one rule, and the sum. Must not know whose they are. */

/** Beside its filter: the entries in the session and in the router, and the subscription itself. */
const OVERHEAD_BYTES = 256

/** Bytes of one subscription. */
export function subscriptionBytes(filter: string): number {
  return OVERHEAD_BYTES + Buffer.byteLength(filter)
}

/** Bytes of the subscriptions of all connected clients. */
export class SubscriptionLoad {
  bytes = 0
}
