/** Any store as the broker wants it: with the MQTT 5.0 extension, its own or an adapter's, and answering in time. */
import type { AedesPersistence, SessionPersistence } from '../../../types/persistence.js'
import { AedesStore, type AedesStoreParts } from './store.js'
import { withStoreTimeout } from './store-timeout.js'

/** @param timeoutMs how long an operation is waited for, 0 for no bound */
export function storeOf(persistence: AedesPersistence, parts: AedesStoreParts, timeoutMs: number): SessionPersistence {
  const store = hasSessions(persistence) ? persistence : new AedesStore(persistence, parts)
  return withStoreTimeout(store, parts.timers, timeoutMs)
}

function hasSessions(persistence: AedesPersistence): persistence is SessionPersistence {
  return (persistence as Partial<SessionPersistence>).sessionPersistence === 1
}
