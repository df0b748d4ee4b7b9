/**
 * Options for connecting, publishing and subscribing. Owns their defaults and builds the CONNECT packet; knows no
 * stream.
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
} from '../../types/message/packets.js'
import { idleTimeout } from '../util/scheduling/idle-timeout.js'

/** The message that the broker publishes if the connection breaks. */
export interface WillInput {
  /** Its topic. */
  topic: string
  /** Its content. @default empty */
  payload?: string | Buffer
  /** @default 0 */
  qos?: QoS
  /** Whether it becomes the retained message of its topic. @default false */
  retain?: boolean
  /** MQTT 5.0 properties, including the will delay. */
  properties?: WillProperties
}

/** Options of `connect`. */
export interface ConnectOptions {
  /** Client identifier. @default a random one */
  clientId?: string
  /** 3 for MQTT 3.1, 4 for 3.1.1, 5 for 5.0. @default 5 */
  protocolVersion?: ProtocolVersion
  /** Clean session (3.1, 3.1.1) or clean start (5.0). @default true */
  clean?: boolean
  /** Keep alive in seconds: the interval of PINGREQ. 0 turns it off. @default 0 */
  keepalive?: number
  /** User name. @default none */
  username?: string
  /** Password. @default none */
  password?: string | Buffer
  /** The will: published by the broker if the connection breaks. @default none */
  will?: WillInput
  /** MQTT 5.0 properties of CONNECT; a topic alias maximum is not passed on. */
  properties?: ConnectProperties
  /**
   * When messages with QoS 1 and 2 are acknowledged. `auto`: when `next()` or an iterator returns them, or when the
   * promise of their handler resolves; `manual`: only by `message.ack()`. @default 'auto'
   */
  acknowledge?: 'auto' | 'manual'
  /** Maximum number of unread QoS 0 messages; the Receive Maximum limits those with QoS 1 and 2. @default 1000 */
  maxBuffered?: number
  /** Which QoS 0 message is dropped at this limit. @default 'drop-oldest' */
  overflow?: 'drop-oldest' | 'drop-newest'
  /** Time limit for CONNACK, in milliseconds; 0 for no limit. @default 10000 */
  connectTimeoutMs?: number
  /** The source of time. @default the system clock */
  clock?: Clock
  /**
   * Called when a handler fails; the message is then refused with 0x83 (5.0), and not delivered again.
   * @default the first failure is a process warning; of a client of `broker.client`, each is a `hookError` event
   */
  onError?: (error: unknown, topic: string) => void
}

/** Options of a published message. */
export interface PublishOptions {
  /** @default 0 */
  qos?: QoS
  /** Whether it becomes the retained message of its topic. @default false */
  retain?: boolean
  /** MQTT 5.0 properties. */
  properties?: PublishProperties
}

/** Options of a subscription. */
export interface SubscribeOptions {
  /** Highest QoS of delivered messages. @default 0 */
  qos?: QoS
  /** No Local (5.0). @default false */
  nl?: boolean
  /** Retain As Published (5.0). @default false */
  rap?: boolean
  /** Retain Handling (5.0): 0 send retained messages, 1 only to a new subscription, 2 never. @default 0 */
  rh?: 0 | 1 | 2
  /** Subscription identifier (5.0). @default none */
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

/** The system's clock; its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  setTimeout: (callback, delayMs) => idleTimeout(callback, Math.min(delayMs, LARGEST_TIMEOUT)),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout | undefined),
}
