/**
 * What a client is told: how to connect, what to publish, what to subscribe to. Owns defaults and the CONNECT packet
 * that they come to; knows no stream.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../types/clock.js'
import type {
  ConnectPacket,
  ConnectProperties,
  ProtocolVersion,
  PublishProperties,
  QoS,
  Will,
  WillProperties,
} from '../../types/packets.js'

/** The message that the broker publishes if the connection breaks. */
export interface WillInput {
  /** Where it is published. */
  topic: string
  /** Its content. @default empty */
  payload?: string | Buffer
  /** @default 0 */
  qos?: QoS
  /** Whether it becomes the retained message of its topic. @default false */
  retain?: boolean
  /** MQTT 5.0 properties, the delay among them. */
  properties?: WillProperties
}

/** How a client connects. */
export interface ConnectOptions {
  /** Client identifier. @default a random one */
  clientId?: string
  /** 3 for MQTT 3.1, 4 for 3.1.1, 5 for 5.0. @default 5 */
  protocolVersion?: ProtocolVersion
  /** Clean session (3.1, 3.1.1) or clean start (5.0). @default true */
  clean?: boolean
  /** Seconds; PINGREQ is sent that often. 0 turns it off. @default 0 */
  keepalive?: number
  /** User name. @default none */
  username?: string
  /** Password. @default none */
  password?: string | Buffer
  /** What the broker publishes if the connection breaks. @default none */
  will?: WillInput
  /** MQTT 5.0 properties of CONNECT; a topic alias maximum is not passed on. */
  properties?: ConnectProperties
  /**
   * When messages with QoS 1 and 2 are acknowledged. `auto`: when they are handed out by `next()` or an iterator, or when
   * the promise of their handler resolves; `manual`: by `message.ack()` alone. @default 'auto'
   */
  acknowledge?: 'auto' | 'manual'
  /** Messages with QoS 0 that wait to be read; those with QoS 1 and 2 are bounded by the Receive Maximum. @default 1000 */
  maxBuffered?: number
  /** Which QoS 0 message is dropped beyond that. @default 'drop-oldest' */
  overflow?: 'drop-oldest' | 'drop-newest'
  /** Milliseconds until CONNACK has to be there, 0 for no bound. @default 10000 */
  connectTimeoutMs?: number
  /** Where time comes from. @default the system's */
  clock?: Clock
  /** Told when a handler fails; the message is then refused with 0x83 (5.0). @default nobody is told */
  onError?: (error: unknown, topic: string) => void
}

/** How a message is published. */
export interface PublishOptions {
  /** @default 0 */
  qos?: QoS
  /** Whether it becomes the retained message of its topic. @default false */
  retain?: boolean
  /** MQTT 5.0 properties. */
  properties?: PublishProperties
}

/** How a subscription is made. */
export interface SubscribeOptions {
  /** Highest quality of service of what is delivered. @default 0 */
  qos?: QoS
  /** No Local (5.0). @default false */
  nl?: boolean
  /** Retain As Published (5.0). @default false */
  rap?: boolean
  /** Retain Handling (5.0): 0 send retained messages, 1 only to a new subscription, 2 never. @default 0 */
  rh?: 0 | 1 | 2
  /** The number that its messages carry (5.0). @default none */
  subscriptionIdentifier?: number
}

const PROTOCOL_IDS = { 3: 'MQIsdp', 4: 'MQTT', 5: 'MQTT' } as const

/** The CONNECT packet for the options. */
export function connectPacketOf(options: ConnectOptions): ConnectPacket {
  const { protocolVersion = 5, clean = true, keepalive = 0, username, password, will } = options
  const { topicAliasMaximum: _, ...properties } = options.properties ?? {}
  return {
    cmd: 'connect',
    protocolId: PROTOCOL_IDS[protocolVersion],
    protocolVersion,
    clientId: options.clientId ?? `anax-${randomBytes(6).toString('hex')}`,
    clean,
    keepalive,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: Buffer.from(password as string) }),
    ...(will !== undefined && { will: willOf(will) }),
    properties,
  }
}

function willOf({ topic, payload = '', qos = 0, retain = false, properties }: WillInput): Will {
  return { topic, payload: Buffer.from(payload as string), qos, retain, ...(properties && { properties }) }
}

const LARGEST_TIMEOUT = 0x7fff_ffff

/** The time of the system; its timers keep no process alive. */
export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, Math.min(delayMs, LARGEST_TIMEOUT)).unref(),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout | undefined),
}
