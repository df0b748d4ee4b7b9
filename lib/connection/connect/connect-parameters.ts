/**
 * The parameters of a connection that CONNECT sets, as the broker grants them. Must not know how CONNACK tells the
 * client.
 */
import type { ConnectPacket, UserProperties, Will } from '../../../types/message/packets.js'
import type { Dialect } from '../../codec/dialect.js'
import { userPropertyBytes } from '../../codec/message-bytes.js'
import { pairsOf } from '../../codec/user-properties.js'
import type { Authorizer } from '../../ports/authorizer.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'

const LARGEST_RECEIVE_MAXIMUM = 65_535

/** User properties of this size are kept in any case: the application may look at them. */
const KEPT_USER_PROPERTY_BYTES = 4096

export interface ConnectParameters {
  id: string
  clean: boolean
  username: string | undefined
  userProperties: UserProperties | undefined
  will: Will | undefined
  /** The Session Expiry Interval that the client requested, in seconds; the session may have a shorter one. */
  requestedExpiry: number
  /** Seconds; 0 for none. */
  keepalive: number
  /** The client's Receive Maximum. */
  receiveMaximum: number
  /** The client's Maximum Packet Size. */
  maximumPacketSize: number
  /** The client's Topic Alias Maximum. */
  topicAliasMaximum: number
  /** Whether the client wants explanations in packets other than CONNACK, DISCONNECT and PUBLISH. */
  problemInformation: boolean
  authenticationMethod: string | undefined
  /** Whether the client has declared that it is a bridge, as Mosquitto's do before 5.0. */
  isBridge: boolean
}

/** The parameters before CONNECT. */
export const INITIAL_PARAMETERS: ConnectParameters = Object.freeze({
  id: '',
  clean: true,
  username: undefined,
  userProperties: undefined,
  will: undefined,
  requestedExpiry: 0,
  keepalive: 0,
  receiveMaximum: 65_535,
  maximumPacketSize: Number.POSITIVE_INFINITY,
  topicAliasMaximum: 0,
  problemInformation: true,
  authenticationMethod: undefined,
  isBridge: false,
})

/** @param id the client identifier, which the broker may have assigned */
export function connectParametersOf(
  packet: ConnectPacket,
  id: string,
  { hasProperties }: Dialect,
  { keepaliveLimit, maxWillDelay }: ResolvedOptions,
): ConnectParameters {
  const { clean, username, will, properties = {} } = packet
  return {
    id,
    clean,
    username,
    userProperties: properties.userProperties,
    will: will && keptWill(will, maxWillDelay),
    requestedExpiry: properties.sessionExpiryInterval ?? 0,
    // clients before 5.0 have no Server Keep Alive
    keepalive: hasProperties ? limitedKeepAlive(packet.keepalive, keepaliveLimit) : packet.keepalive,
    receiveMaximum: properties.receiveMaximum ?? LARGEST_RECEIVE_MAXIMUM,
    maximumPacketSize: properties.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    topicAliasMaximum: properties.topicAliasMaximum ?? 0,
    problemInformation: properties.requestProblemInformation ?? true,
    authenticationMethod: properties.authenticationMethod,
    isBridge: packet.bridgeMode === true,
  }
}

/** A copy that does not keep the whole CONNECT in memory for as long as the client is connected. */
function keptWill(will: Will, maxWillDelay: number): Will {
  const { properties } = will
  const kept = { ...will, payload: Buffer.from(will.payload) }
  if (properties === undefined) return kept
  const { willDelayInterval = 0, correlationData } = properties
  kept.properties = {
    ...properties,
    ...(willDelayInterval > maxWillDelay && { willDelayInterval: maxWillDelay }),
    ...(correlationData !== undefined && { correlationData: Buffer.from(correlationData) }),
  }
  return kept
}

/** The parameters of a client that is connected: without large user properties, if no hook may be asked about them. */
export function keptParameters(parameters: ConnectParameters, authorizer: Pick<Authorizer, 'asksLater'>) {
  const { userProperties } = parameters
  const mayKeep = userProperties === undefined || authorizer.asksLater
  if (mayKeep || userPropertyBytes(pairsOf(userProperties)) <= KEPT_USER_PROPERTY_BYTES) return parameters
  return { ...parameters, userProperties: undefined }
}

function limitedKeepAlive(requested: number, limit: number): number {
  return limit > 0 && (requested === 0 || requested > limit) ? limit : requested
}
