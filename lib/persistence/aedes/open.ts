/** Any store as the broker wants it: with the MQTT 5.0 extension, its own or an adapter's, and answering in time. */
import type { AedesPersistence, SessionPersistence } from '../../../types/persistence.js'
import type { Timers } from '../../util/timers.js'
import { AedesStore } from './store.js'
import { withStoreTimeout } from './store-timeout.js'

/** @param timeoutMs how long an operation is waited for, 0 for no bound */
export function storeOf(persistence: AedesPersistence, timers: Timers, timeoutMs: number): SessionPersistence {
  const store = hasSessions(persistence) ? persistence : new AedesStore(persistence, () => timers.wallTime())
  return withStoreTimeout(store, timers, timeoutMs)
}

function hasSessions(persistence: AedesPersistence): persistence is SessionPersistence {
  return (persistence as Partial<SessionPersistence>).sessionPersistence === 1
}
