/**
 * The formats of presence messages: our own, and those of EMQX and AWS IoT Core. Owns topics and payloads; must not
 * know when anything is published.
 */
import type { DisconnectReason } from '../../types/broker/events.js'
import type { ProtocolVersion } from '../../types/message/packets.js'

/** Why a client is not connected; `restart`: the broker has restarted since. */
export type PresenceReason = DisconnectReason | 'restart'

/** A client has connected or disconnected. */
export interface PresenceChange {
  connected: boolean
  clientId: string
  /** The broker's identifier. */
  brokerId: string
  /** Time of the change, in milliseconds since the epoch. */
  at: number
  /** Distinguishes the connections of one client: greater for a later one. */
  connection: number
  /** Undefined after a restart, like the following fields. */
  username: string | undefined
  /** The authenticated identity. */
  principal: string | undefined
  address: string | undefined
  /** The broker's port that it connected to, if its stream has one. */
  port: number | undefined
  version: ProtocolVersion | undefined
  /** Keep alive in seconds. */
  keepalive: number | undefined
  clean: boolean | undefined
  /** Why it disconnected; undefined for a client that has connected. */
  reason: PresenceReason | undefined
  /** The MQTT 5.0 reason code of the disconnection. */
  reasonCode: number | undefined
}

export interface PresenceMessage {
  topic: string
  payload: string
  /** Topics of retained messages that are no longer correct. */
  clears?: readonly string[]
}

/** A format of presence messages. */
export interface PresenceShape {
  /** The message for a change. Its topic has the client identifier as one level: see {@link escapeLevel}. */
  message(change: PresenceChange): PresenceMessage
  /** A filter that matches the retained messages about connected clients, to correct them after a restart. */
  connected?: string
  /** The client that such a message is about; undefined if it is not about a connected client. */
  clientOf?(topic: string, payload: Buffer): string | undefined
}

const UNSAFE = /[%/+#\0]/g

/** Escapes a client identifier to one level of a topic: `%`, `/`, `+` and `#` become `%25`, `%2F`, `%2B` and `%23`. */
export function escapeLevel(text: string): string {
  return text.replaceAll(UNSAFE, character => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

function unescapeLevel(level: string): string {
  return level.replaceAll(/%([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}

/** One topic per client, with its current state. */
const state: PresenceShape = {
  message({ clientId, port: _, ...change }) {
    return { topic: `$SYS/presence/${escapeLevel(clientId)}`, payload: JSON.stringify({ clientId, ...change }) }
  },
  connected: '$SYS/presence/+',
  clientOf: (topic, payload) => (JSON.parse(payload.toString()).connected === true ? lastLevel(topic) : undefined),
}

/** Protocol names as in CONNECT. */
const PROTOCOL_NAMES = { 3: 'MQIsdp', 4: 'MQTT', 5: 'MQTT' } as const

const EMQX_REASONS: Partial<Record<PresenceReason, string>> = {
  client: 'normal',
  'stream-closed': 'tcp_closed',
  'stream-error': 'tcp_error',
  'keep-alive': 'keepalive_timeout',
  takeover: 'takenover',
  administrative: 'kicked',
  'not-authorized': 'not_authorized',
  'protocol-error': 'protocol_error',
  shutdown: 'server_shutdown',
}

const emqx: PresenceShape = {
  message({ connected, clientId, brokerId, at, username, address, port, version, keepalive, clean, reason }) {
    const start = `$SYS/brokers/${escapeLevel(brokerId)}/clients/${escapeLevel(clientId)}`
    const [topic, other] = connected ? ['connected', 'disconnected'] : ['disconnected', 'connected']
    const common = {
      clientid: clientId,
      username,
      ts: at,
      ipaddress: address,
      sockport: port,
      proto_ver: version,
      proto_name: version && PROTOCOL_NAMES[version],
    }
    const payload = connected
      ? { ...common, keepalive, clean_start: clean, connected_at: at, connack: 0 }
      : { ...common, reason: EMQX_REASONS[reason!] ?? 'internal_error', disconnected_at: at }
    return { topic: `${start}/${topic}`, payload: JSON.stringify(payload), clears: [`${start}/${other}`] }
  },
  connected: '$SYS/brokers/+/clients/+/connected',
  clientOf: topic => unescapeLevel(topic.split('/')[4]!),
}

const AWS_REASONS: Partial<Record<PresenceReason, string>> = {
  client: 'CLIENT_INITIATED_DISCONNECT',
  'stream-closed': 'CONNECTION_LOST',
  'stream-error': 'CONNECTION_LOST',
  'keep-alive': 'MQTT_KEEP_ALIVE_TIMEOUT',
  takeover: 'DUPLICATE_CLIENTID',
  'protocol-error': 'CLIENT_ERROR',
  'not-authorized': 'FORBIDDEN_ACCESS',
  limit: 'THROTTLED',
  administrative: 'SERVER_INITIATED_DISCONNECT',
  shutdown: 'SERVER_INITIATED_DISCONNECT',
}

const aws: PresenceShape = {
  message({ connected, clientId, brokerId, at, connection, principal, address, reason }) {
    const level = escapeLevel(clientId)
    const [eventType, other] = connected ? ['connected', 'disconnected'] : ['disconnected', 'connected']
    const topic = (type: string) => `$aws/events/presence/${type}/${level}`
    const payload = {
      clientId,
      timestamp: at,
      eventType,
      sessionIdentifier: `${brokerId}/${connection}`,
      principalIdentifier: principal,
      ipAddress: address,
      versionNumber: connection,
      ...(!connected && {
        clientInitiatedDisconnect: reason === 'client',
        disconnectReason: AWS_REASONS[reason!] ?? 'SERVER_ERROR',
      }),
    }
    return { topic: topic(eventType!), payload: JSON.stringify(payload), clears: [topic(other!)] }
  },
  connected: '$aws/events/presence/connected/+',
  clientOf: lastLevel,
}

function lastLevel(topic: string): string {
  return unescapeLevel(topic.slice(topic.lastIndexOf('/') + 1))
}

export const SHAPES = { state, emqx, aws } as const
