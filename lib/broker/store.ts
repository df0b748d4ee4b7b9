/** Any store as the broker wants it: one with the MQTT 5.0 extension as it is, another behind an adapter. */
import type { AedesPersistence, SessionPersistence } from '../../types/persistence.js'
import { AedesStore } from './aedes-store.js'

/** @param now milliseconds since the epoch, for the deadlines that the adapter keeps itself */
export function storeOf(persistence: AedesPersistence, now: () => number): SessionPersistence {
  return hasSessions(persistence) ? persistence : new AedesStore(persistence, now)
}

function hasSessions(persistence: AedesPersistence): persistence is SessionPersistence {
  return (persistence as Partial<SessionPersistence>).sessionPersistence === 1
}
