/** Adapts any store to the broker: with the MQTT 5.0 extension, its own or an adapter's, and with a time limit. */
import type { AedesPersistence, SessionPersistence } from '../../../types/persistence.js'
import { AedesStore, type AedesStoreParts } from './store.js'
import { withStoreTimeout } from './store-timeout.js'

/** @param timeoutMs time limit of an operation, 0 for none */
export function storeOf(persistence: AedesPersistence, parts: AedesStoreParts, timeoutMs: number): SessionPersistence {
  const store = hasSessions(persistence) ? persistence : new AedesStore(persistence, parts)
  return withStoreTimeout(store, parts.timers, timeoutMs)
}

function hasSessions(persistence: AedesPersistence): persistence is SessionPersistence {
  return (persistence as Partial<SessionPersistence>).sessionPersistence === 1
}
