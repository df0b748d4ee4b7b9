/** The size of a session for byte limits: one rule for all stores. Must not know how sessions are stored. */
import type { SessionDetails, StoredSubscription } from '../../../types/persistence.js'

/** Bytes of the identity of a session: client identifier and details. */
export function identityBytes(clientId: string, details: SessionDetails | undefined): number {
  return Buffer.byteLength(clientId) + Buffer.byteLength(details?.username ?? '')
}

/** Bytes of a subscription's filters. */
export function filterBytes({ topic, requested }: Pick<StoredSubscription, 'topic' | 'requested'>): number {
  const other = requested === undefined || requested === topic ? '' : requested
  return Buffer.byteLength(topic) + Buffer.byteLength(other)
}
