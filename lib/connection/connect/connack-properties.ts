/** The properties of a CONNACK that accepts a client. Must not know what they were decided by. */
import type { ConnackProperties, ConnectPacket } from '../../../types/packets.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import type { Channel } from '../channel.js'

const LARGEST_RECEIVE_MAXIMUM = 65_535
const LARGEST_PACKET_SIZE = 268_435_460

/** What the broker assigned to this client. */
export interface Assigned {
  /** The client identifier, if CONNECT had none. */
  assignedId: string | undefined
  /** Seconds that the session lives without its connection. */
  expiryInterval: number
  /** Authentication data of the last step of an enhanced authentication. */
  authenticationData: Buffer | undefined
}

/** The properties of a CONNACK that accepts the client: only those that differ from the standard's defaults. */
export function connackProperties(
  { client, parameters, ports }: Channel,
  packet: ConnectPacket,
  { assignedId, expiryInterval, authenticationData }: Assigned,
): ConnackProperties {
  const { options } = ports
  const properties: ConnackProperties = { ...limits(options) }
  // [MQTT-3.2.2-16]
  if (assignedId !== undefined) properties.assignedClientIdentifier = assignedId
  if (expiryInterval !== (packet.properties?.sessionExpiryInterval ?? 0)) {
    properties.sessionExpiryInterval = expiryInterval
  }
  // [MQTT-3.2.2-21]
  if (parameters.keepalive !== packet.keepalive) properties.serverKeepAlive = parameters.keepalive
  if (parameters.authenticationMethod !== undefined) {
    properties.authenticationMethod = parameters.authenticationMethod
    if (authenticationData !== undefined) properties.authenticationData = authenticationData
  }
  const information = packet.properties?.requestResponseInformation ? ports.responseInformation(client) : undefined
  if (information !== undefined) properties.responseInformation = information
  return properties
}

/** The broker's limits, and the features that it does not offer. */
function limits(options: ResolvedOptions): ConnackProperties {
  return {
    ...(options.receiveMaximum < LARGEST_RECEIVE_MAXIMUM && { receiveMaximum: options.receiveMaximum }),
    ...(options.maximumQoS < 2 && { maximumQoS: options.maximumQoS as 0 | 1 }),
    ...(!options.retainAvailable && { retainAvailable: false }),
    ...(options.maxPacketSize < LARGEST_PACKET_SIZE && { maximumPacketSize: options.maxPacketSize }),
    ...(options.topicAliasMaximum > 0 && { topicAliasMaximum: options.topicAliasMaximum }),
    ...(!options.wildcardSubscriptionAvailable && { wildcardSubscriptionAvailable: false }),
    ...(!options.subscriptionIdentifiersAvailable && { subscriptionIdentifiersAvailable: false }),
    ...(!options.sharedSubscriptionAvailable && { sharedSubscriptionAvailable: false }),
  }
}
