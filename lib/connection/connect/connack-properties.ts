/** The properties of a CONNACK that accepts a client. Must not know how their values were decided. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { ConnackProperties, ConnectPacket } from '../../../types/message/packets.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import { type EffectiveLimits, effectiveLimits } from '../../session/client-limits.js'
import type { Channel } from '../channel.js'
import type { ConnectParameters } from './connect-parameters.js'

const LARGEST_RECEIVE_MAXIMUM = 65_535
const LARGEST_PACKET_SIZE = 268_435_460

/** Values that the broker assigned to this client. */
export interface Assigned {
  /** The client identifier, if CONNECT had none. */
  assignedId: string | undefined
  /** Seconds that the session outlives its connection. */
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
  const properties = limits(options, effectiveLimits(options, client.limits))
  // [MQTT-3.2.2-16]
  if (assignedId !== undefined) properties.assignedClientIdentifier = assignedId
  if (expiryInterval !== parameters.requestedExpiry) properties.sessionExpiryInterval = expiryInterval
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

/** Properties that can be omitted, in the order of omission: they are information, or allow the client more. */
const DISPENSABLE = ['userProperties', 'reasonString', 'responseInformation', 'topicAliasMaximum'] as const

/** The properties, without omittable ones if the packet is too large; undefined if it is too large even then. */
export function shortened(
  properties: ConnackProperties,
  { maximumPacketSize }: Pick<ConnectParameters, 'maximumPacketSize'>,
  fits: (properties: ConnackProperties) => boolean,
): ConnackProperties | undefined {
  if (maximumPacketSize === Number.POSITIVE_INFINITY && !hasTextOfHost(properties)) return properties
  const shorter = { ...properties }
  for (const name of DISPENSABLE) {
    if (fits(shorter)) return shorter
    delete shorter[name]
  }
  return fits(shorter) ? shorter : undefined
}

/** Whether a value may be too long for MQTT. */
function hasTextOfHost({ responseInformation, authenticationData }: ConnackProperties): boolean {
  return responseInformation !== undefined || authenticationData !== undefined
}

/** Clients with a lower Maximum Packet Size get a short identifier. */
const SMALL_PACKET_SIZE = 128

/** The identifier for a client without one: a UUID, or 72 random bits for a client that accepts only small packets. */
export function assignedClientId(maximumPacketSize: number | undefined): string {
  if (maximumPacketSize !== undefined && maximumPacketSize < SMALL_PACKET_SIZE) {
    return randomBytes(9).toString('base64url')
  }
  return `anax-${randomUUID()}`
}

/** The broker's limits, those of the client, and the features that the broker does not offer. */
function limits(options: ResolvedOptions, { maximumQoS, retainAvailable, maxPacketSize }: EffectiveLimits) {
  const properties: ConnackProperties = {}
  if (options.receiveMaximum < LARGEST_RECEIVE_MAXIMUM) properties.receiveMaximum = options.receiveMaximum
  if (maximumQoS < 2) properties.maximumQoS = maximumQoS as 0 | 1
  if (!retainAvailable) properties.retainAvailable = false
  if (maxPacketSize < LARGEST_PACKET_SIZE) properties.maximumPacketSize = maxPacketSize
  if (options.topicAliasMaximum > 0) properties.topicAliasMaximum = options.topicAliasMaximum
  if (!options.wildcardSubscriptionAvailable) properties.wildcardSubscriptionAvailable = false
  if (!options.subscriptionIdentifiersAvailable) properties.subscriptionIdentifiersAvailable = false
  if (!options.sharedSubscriptionAvailable) properties.sharedSubscriptionAvailable = false
  return properties
}
