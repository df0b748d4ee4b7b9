/** Creates and starts a broker in one call. */
import type { BrokerOptions } from '../../types/broker/options.js'
import { Broker } from './broker.js'

/**
 * Creates a broker and starts it.
 * @throws AnaxError ANAX_ERR_OPTION, ANAX_ERR_HOOK_STYLE, ANAX_ERR_STORE, ANAX_ERR_STORE_FORMAT
 */
export async function createBroker(options: BrokerOptions = {}): Promise<Broker> {
  const broker = new Broker(options)
  try {
    await broker.listen()
  } catch (error) {
    await broker.close()
    throw error
  }
  return broker
}
