/** The address of a client, for limits per address. */
import type { Client } from '../../../types/client/client.js'
import { networkOf } from '../../index.js'

/** The network of a client's address; the same name for all clients without an address. */
export function addressOf({ address = 'local' }: Pick<Client, 'address'>): string {
  return networkOf(address)
}
