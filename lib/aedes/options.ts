/** The options of Aedes: their defaults, and the corresponding options of the underlying broker. Knows no broker. */
import type { BrokerOptions } from '../../types/broker/options.js'
import type { AedesOptions } from './types.js'

/** Aedes's defaults that differ from those of the broker. */
const DEFAULTS = {
  concurrency: 100,
  heartbeatInterval: 60_000,
  connectTimeout: 30_000,
  drainTimeout: 60_000,
  keepaliveLimit: 0,
  maxInflightInbound: 1000,
  maxClientsIdLength: 23,
  maxTopicLevels: 100,
  topicAliasMaximum: 0,
  maximumPacketSize: 0,
  receiveMaximum: 0,
  sessionExpiryIntervalLimit: 0,
  pendingSessionsLimit: 0,
  responseInformation: null,
  queueLimit: 42,
  decodeProtocol: null,
  trustProxy: false,
  trustedProxies: [],
} as const satisfies AedesOptions

/**
 * Limits of the broker that Aedes does not have, if clients of Aedes would notice them. In Aedes, messages for a client
 * that does not read wait without a limit.
 */
const WITHOUT_LIMIT = {
  maxPacketSize: 268_435_460,
  maxConnectSize: 1024 * 1024,
  maxOutboxBytes: 16 * 1024 * 1024,
} as const satisfies BrokerOptions

const MAX_TOPIC_LEVELS = 100

/** As many as possible: no limit. */
const ALL_PACKET_IDS = 65_535
const LONGEST_CLIENT_ID = 65_535

/** The limit of the protocol: Aedes has no other limit. */
const LARGEST_PACKET = 268_435_460

/** The smallest packet limit of the underlying broker. */
const SMALLEST_PACKET_LIMIT = 64

/** Options that are read here or by a transport, not by the underlying broker. */
const OWN: ReadonlySet<string> = new Set([
  ...['mq', 'persistence', 'concurrency', 'heartbeatInterval', 'queueLimit', 'maxClientsIdLength'],
  ...['decodeProtocol', 'trustProxy', 'trustedProxies'],
  ...['maximumPacketSize', 'receiveMaximum', 'sessionExpiryIntervalLimit', 'pendingSessionsLimit'],
  // it gets a client of Aedes
  'responseInformation',
  ...['preConnect', 'authenticate', 'authorizePublish', 'authorizeSubscribe', 'authorizeForward', 'published'],
])

/** Options of Aedes's releases that need no action here. */
const OBSOLETE: ReadonlySet<string> = new Set(['queueLimit'])

const warned = new Set<string>()

/** All options of Aedes, each with a value. */
export type FullAedesOptions = AedesOptions & Required<Pick<AedesOptions, keyof typeof DEFAULTS>>

/** The options with Aedes's defaults and corrections. */
export function optionsOf(options: AedesOptions = {}): FullAedesOptions {
  const full: FullAedesOptions = { ...DEFAULTS, trustedProxies: [], ...withoutUndefined(options) }
  const { maxInflightInbound, maxTopicLevels } = full
  const isBound = Number.isInteger(maxInflightInbound) && maxInflightInbound >= 0
  full.maxInflightInbound = isBound ? maxInflightInbound : DEFAULTS.maxInflightInbound
  full.maxTopicLevels = Math.min(Math.max(maxTopicLevels, 1), MAX_TOPIC_LEVELS)
  for (const name of OBSOLETE) if (options[name as keyof AedesOptions] !== undefined) warnOnce(name, 'has no effect')
  return full
}

/**
 * The options for the underlying broker.
 * @param isKnown whether it has an option of that name
 */
export function brokerOptionsOf(options: FullAedesOptions, isKnown: (name: string) => boolean): BrokerOptions {
  const told: Record<string, unknown> = { ...WITHOUT_LIMIT }
  for (const [name, value] of Object.entries(options)) {
    if (OWN.has(name)) continue
    if (isKnown(name)) told[name] = value
    else warnOnce(name, 'is not an option')
  }
  const { maximumPacketSize, receiveMaximum, sessionExpiryIntervalLimit } = options
  return {
    maxPacketSize: LARGEST_PACKET,
    ...told,
    maxInflightInbound: options.maxInflightInbound === 0 ? ALL_PACKET_IDS : options.maxInflightInbound,
    // Aedes has this limit for MQTT 3.1 only; it is checked when CONNECT is read
    maxClientsIdLength: LONGEST_CLIENT_ID,
    ...(maximumPacketSize > 0 && packetLimits(maximumPacketSize)),
    ...(receiveMaximum > 0 && { receiveMaximum }),
    ...(sessionExpiryIntervalLimit > 0 && { maxSessionExpiry: sessionExpiryIntervalLimit }),
  } as BrokerOptions
}

function packetLimits(maximumPacketSize: number): BrokerOptions {
  const limit = Math.max(maximumPacketSize, SMALLEST_PACKET_LIMIT)
  return { maxPacketSize: limit, maxConnectSize: limit }
}

function warnOnce(name: string, what: string): void {
  if (warned.has(name)) return
  warned.add(name)
  process.emitWarning(`anax/aedes: ${name} ${what}`, { code: 'ANAX_WARN_AEDES_OPTION' })
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}
