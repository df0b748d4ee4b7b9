/**
 * A client's will, with the details that are needed after the client has disconnected. Must not know when it is due.
 */
import type { Client } from '../../types/client/client.js'
import type { StoredWill } from '../../types/persistence.js'

/** The will in the form in which it is stored; undefined if the client has none. */
export function willOf(client: Client): StoredWill | undefined {
  const { will } = client
  if (will === undefined) return undefined
  const { id, principal, address, claims } = client
  const publisher = {
    clientId: id,
    ...(principal !== undefined && { username: principal }),
    ...(address !== undefined && { address }),
    ...(claims !== undefined && { claims }),
  }
  return { ...will, publisher }
}
