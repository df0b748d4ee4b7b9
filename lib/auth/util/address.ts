/** Where a client connects from, as far as that tells one from another. */
import type { Client } from '../../../types/client.js'
import { networkOf } from '../../index.js'

/** The network of a client's address; one name for all that have none. */
export function addressOf({ address = 'local' }: Pick<Client, 'address'>): string {
  return networkOf(address)
}
