/** What the broker itself demands of a CONNECT, before any hook is asked. Owns the checks; answers nothing. */
import type { ConnectRefusal } from '../../types/hooks.js'
import type { ConnectPacket } from '../../types/packets.js'
import { AnaxError, explanationOf } from '../errors.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'
import { isTopicName, levelCount } from '../topic/topic.js'
import type { Connection } from './connection.js'
import { payloadFormatError } from './payload-format.js'

/** What is wrong with it. */
export function checkConnect(packet: ConnectPacket, connection: Connection): AnaxError | undefined {
  return (
    capacityError(packet, connection) ??
    clientIdError(packet, connection) ??
    willError(packet, connection.ports.options)
  )
}

/** What the client is told beside the reason code. */
export function refusalOf(reason: unknown): ConnectRefusal {
  return reason instanceof AnaxError ? { reasonString: explanationOf(reason) } : {}
}

/** Looked at early, so that a full broker spends no more on those who come; counted when the session is opened. */
function capacityError({ clientId }: ConnectPacket, { ports }: Connection): AnaxError | undefined {
  if (ports.hasRoomFor(clientId)) return undefined
  return new AnaxError('ANAX_ERR_SERVER_BUSY', { detail: `${ports.options.maxConnections} clients are connected` })
}

function clientIdError({ clientId, clean }: ConnectPacket, { dialect, ports }: Connection): AnaxError | undefined {
  if (clientId === '') {
    if (!dialect.emptyIdAllowed) return new AnaxError('ANAX_ERR_CLIENT_ID', { detail: 'it is empty' })
    if (!clean && !dialect.emptyIdMayKeepSession) {
      return new AnaxError('ANAX_ERR_CLIENT_ID', { detail: 'an empty one goes with a clean session only' }) // [MQTT-3.1.3-8]
    }
    return undefined
  }
  const longest = Math.min(dialect.maxClientIdBytes, ports.options.maxClientsIdLength)
  if (Buffer.byteLength(clientId) <= longest) return undefined
  return new AnaxError('ANAX_ERR_CLIENT_ID', { detail: `it is longer than ${longest} bytes` })
}

function willError({ will }: ConnectPacket, options: ResolvedOptions): AnaxError | undefined {
  if (will === undefined) return undefined
  if (will.qos > options.maximumQoS) return new AnaxError('ANAX_ERR_QOS_NOT_SUPPORTED', { detail: 'will' }) // [MQTT-3.2.2-12]
  if (will.retain && !options.retainAvailable) return new AnaxError('ANAX_ERR_RETAIN_NOT_SUPPORTED', { detail: 'will' }) // [MQTT-3.2.2-13]
  if (!isTopicName(will.topic) || levelCount(will.topic) > options.maxTopicLevels) {
    return new AnaxError('ANAX_ERR_TOPIC_NAME', { detail: 'will', scope: 'connection' })
  }
  return options.validatePayloadFormat ? payloadFormatError(will) : undefined
}
