/** Clients of a test that come from an address, over streams in memory. */
import { duplexPair } from '../../../lib/client/duplex-pair.js'
import type { Broker } from '../../../lib/index.js'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import { SpecClient } from './spec-client.js'

/** A connection from an address that has said nothing yet. */
export function dialFrom(broker: Broker, address: string, version: ProtocolVersion = 5): SpecClient {
  const [near, far] = duplexPair()
  broker.handle(far, undefined, { address })
  return new SpecClient(broker, version, near)
}

/** A client from an address that is connected. */
export async function connectFrom(
  broker: Broker,
  address: string,
  clientId: string,
  version: ProtocolVersion = 5,
): Promise<SpecClient> {
  const client = dialFrom(broker, address, version)
  await client.connect({ clientId })
  return client
}
