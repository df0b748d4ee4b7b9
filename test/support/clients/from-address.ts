/** Clients with a network address, over streams in memory. */
import { duplexPair } from '../../../lib/client/duplex-pair.js'
import type { Broker } from '../../../lib/index.js'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import { SpecClient } from './spec-client.js'

/** A connection from an address, before CONNECT. */
export function dialFrom(broker: Broker, address: string, version: ProtocolVersion = 5): SpecClient {
  const [near, far] = duplexPair()
  broker.handle(far, undefined, { address })
  return new SpecClient(broker, version, near)
}

/** A connected client from an address. */
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
