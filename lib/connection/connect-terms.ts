/** What CONNECT and CONNACK agree on: the client's wishes, and what the broker makes of them. */
import type { ConnackProperties, ConnectPacket, UserProperties, Will } from '../../types/packets.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'
import type { Connection } from './connection.js'

const LARGEST_RECEIVE_MAXIMUM = 65_535
const LARGEST_PACKET_SIZE = 268_435_460

/** What a client and the broker agreed on in CONNECT and CONNACK. */
export interface Terms {
  id: string
  clean: boolean
  username: string | undefined
  userProperties: UserProperties | undefined
  will: Will | undefined
  /** Seconds. */
  keepalive: number
  /** The client's Receive Maximum. */
  receiveMaximum: number
  /** The client's Maximum Packet Size. */
  maximumPacketSize: number
  /** The client's Topic Alias Maximum. */
  topicAliasMaximum: number
  problemInformation: boolean
  authenticationMethod: string | undefined
}

/** What holds before CONNECT. */
export const NO_TERMS: Terms = Object.freeze({
  id: '',
  clean: true,
  username: undefined,
  userProperties: undefined,
  will: undefined,
  keepalive: 0,
  receiveMaximum: 65_535,
  maximumPacketSize: Number.POSITIVE_INFINITY,
  topicAliasMaximum: 0,
  problemInformation: true,
  authenticationMethod: undefined,
})

/** The terms that a CONNECT sets. */
export function termsOf(packet: ConnectPacket, id: string, { dialect, ports }: Connection): Terms {
  const { keepaliveLimit } = ports.options
  const { clean, username, will, properties = {} } = packet
  return {
    id,
    clean,
    username,
    userProperties: properties.userProperties,
    will,
    // a client before 5.0 cannot be told another one
    keepalive: dialect.hasProperties ? limitedKeepAlive(packet.keepalive, keepaliveLimit) : packet.keepalive,
    receiveMaximum: properties.receiveMaximum ?? LARGEST_RECEIVE_MAXIMUM,
    maximumPacketSize: properties.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    topicAliasMaximum: properties.topicAliasMaximum ?? 0,
    problemInformation: properties.requestProblemInformation ?? true,
    authenticationMethod: properties.authenticationMethod,
  }
}

/** What the broker decided for this client. */
export interface Assigned {
  /** The identifier of a client that brought none. */
  assignedId: string | undefined
  /** Seconds that the session lives without its connection. */
  expiryInterval: number
  /** What the last step of an enhanced authentication has for the client. */
  authenticationData: Buffer | undefined
}

/** The properties of a CONNACK that lets the client in: only what differs from the standard's defaults. */
export function acceptance(
  connection: Connection,
  packet: ConnectPacket,
  { assignedId, expiryInterval, authenticationData }: Assigned,
): ConnackProperties {
  const { terms, ports } = connection
  const { options } = ports
  const properties: ConnackProperties = { ...limits(options) }
  // [MQTT-3.2.2-16]
  if (assignedId !== undefined) properties.assignedClientIdentifier = assignedId
  if (expiryInterval !== (packet.properties?.sessionExpiryInterval ?? 0)) {
    properties.sessionExpiryInterval = expiryInterval
  }
  // [MQTT-3.2.2-21]
  if (terms.keepalive !== packet.keepalive) properties.serverKeepAlive = terms.keepalive
  if (terms.authenticationMethod !== undefined) {
    properties.authenticationMethod = terms.authenticationMethod
    if (authenticationData !== undefined) properties.authenticationData = authenticationData
  }
  const information = packet.properties?.requestResponseInformation ? ports.responseInformation(connection) : undefined
  if (information !== undefined) properties.responseInformation = information
  return properties
}

/** What the broker does not do, or only so far. */
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

function limitedKeepAlive(wished: number, limit: number): number {
  return limit > 0 && (wished === 0 || wished > limit) ? limit : wished
}
