/**
 * The parameters of a connection that CONNECT sets, as the broker grants them. Must not know how CONNACK tells the
 * client.
 */
import type { ConnectPacket, UserProperties, Will } from '../../../types/packets.js'
import type { Dialect } from '../../codec/dialect.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'

const LARGEST_RECEIVE_MAXIMUM = 65_535

export interface ConnectParameters {
  id: string
  clean: boolean
  username: string | undefined
  userProperties: UserProperties | undefined
  will: Will | undefined
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
  /** Whether it is a bridge that says so: one of Mosquitto, before 5.0. */
  isBridge: boolean
}

/** The parameters before CONNECT. */
export const INITIAL_PARAMETERS: ConnectParameters = Object.freeze({
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
  isBridge: false,
})

/** @param id the client identifier, which the broker may have assigned */
export function connectParametersOf(
  packet: ConnectPacket,
  id: string,
  { hasProperties }: Dialect,
  { keepaliveLimit }: ResolvedOptions,
): ConnectParameters {
  const { clean, username, will, properties = {} } = packet
  return {
    id,
    clean,
    username,
    userProperties: properties.userProperties,
    will,
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

function limitedKeepAlive(requested: number, limit: number): number {
  return limit > 0 && (requested === 0 || requested > limit) ? limit : requested
}
