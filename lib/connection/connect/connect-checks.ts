/** The broker's own checks of a CONNECT, before any hook is asked. Owns the checks; must not answer the client. */
import type { ConnectRefusal } from '../../../types/broker/hooks.js'
import type { ConnectPacket, UserProperties, Will } from '../../../types/message/packets.js'
import { AnaxError, explanationOf } from '../../errors.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import type { EffectiveLimits } from '../../session/client-limits.js'
import { isTopicName, levelCount } from '../../topic/topic.js'
import type { Channel } from '../channel.js'
import { payloadFormatError } from '../payload-format.js'

/** @returns why the client is refused */
export function checkConnect(packet: ConnectPacket, channel: Channel): AnaxError | undefined {
  const { admission, options } = channel.ports
  return (
    channel.ports.overloadError(channel.client, packet.clientId) ??
    admission.refusal(channel.client, packet.clientId) ??
    capacityError(packet, channel) ??
    userPropertiesError(packet, options) ??
    clientIdError(packet, channel) ??
    (packet.will && willError(packet.will, options))
  )
}

/** Further properties of the CONNACK. */
export function refusalOf(reason: unknown): ConnectRefusal {
  return reason instanceof AnaxError ? { reasonString: explanationOf(reason) } : {}
}

/**
 * Checked first, so that a full broker spends nothing on further clients. Clients are counted when a session is opened.
 */
function capacityError({ clientId }: ConnectPacket, { ports }: Channel): AnaxError | undefined {
  if (ports.hasRoomFor(clientId)) return undefined
  return new AnaxError('ANAX_ERR_SERVER_BUSY', { detail: `${ports.options.maxConnections} clients are connected` })
}

function userPropertiesError({ properties, will }: ConnectPacket, options: ResolvedOptions): AnaxError | undefined {
  const { maxUserProperties } = options
  if (maxUserProperties === Number.POSITIVE_INFINITY) return undefined
  const count = pairsIn(properties?.userProperties) + pairsIn(will?.properties?.userProperties)
  if (count <= maxUserProperties) return undefined
  return new AnaxError('ANAX_ERR_QUOTA', {
    detail: `more than ${maxUserProperties} user properties`,
    scope: 'connection',
  })
}

function pairsIn(userProperties: UserProperties | undefined): number {
  if (userProperties === undefined) return 0
  return Object.values(userProperties).reduce((sum, value) => sum + (Array.isArray(value) ? value.length : 1), 0)
}

function clientIdError({ clientId, clean }: ConnectPacket, { dialect, ports }: Channel): AnaxError | undefined {
  if (clientId === '') {
    if (!dialect.emptyIdAllowed) return new AnaxError('ANAX_ERR_CLIENT_ID', { detail: 'it is empty' })
    if (!clean && !dialect.emptyIdMayKeepSession) {
      return new AnaxError('ANAX_ERR_CLIENT_ID', { detail: 'an empty identifier requires a clean session' }) // [MQTT-3.1.3-8]
    }
    return undefined
  }
  const longest = ports.options.maxClientsIdLength ?? dialect.maxClientIdBytes
  if (Buffer.byteLength(clientId) <= longest) return undefined
  return new AnaxError('ANAX_ERR_CLIENT_ID', { detail: `it is longer than ${longest} bytes` })
}

/** Checks the will against the limits of its client, or against those of the options while the client has none. */
export function willLimitError(will: Will, limits: EffectiveLimits): AnaxError | undefined {
  const { qos, retain, payload } = will
  if (qos > limits.maximumQoS) return new AnaxError('ANAX_ERR_QOS_NOT_SUPPORTED', { detail: 'will' }) // [MQTT-3.2.2-12]
  if (retain && !limits.retainAvailable) return new AnaxError('ANAX_ERR_RETAIN_NOT_SUPPORTED', { detail: 'will' }) // [MQTT-3.2.2-13]
  if (payload.length <= limits.maxPacketSize) return undefined
  return new AnaxError('ANAX_ERR_PACKET_TOO_LARGE', { detail: 'will' })
}

function willError(will: Will, options: ResolvedOptions): AnaxError | undefined {
  const error = willLimitError(will, options)
  if (error !== undefined) return error
  if (!isTopicName(will.topic) || levelCount(will.topic) > options.maxTopicLevels) {
    return new AnaxError('ANAX_ERR_TOPIC_NAME', { detail: 'will', scope: 'connection' })
  }
  return options.validatePayloadFormat ? payloadFormatError(will) : undefined
}
