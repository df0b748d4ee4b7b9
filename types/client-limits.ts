/** The limits that a hook may give one client. Contracts only; the session, the reader and the rates enforce them. */
import type { QoS } from './packets.js'
import type { InboundRates } from './rates.js'

/**
 * Limits of one client, in place of the options of the same names. What is not given is as the options say; Infinity is
 * no limit.
 */
export interface ClientLimits extends InboundRates {
  /** Subscriptions of its session; one more gets 0x97 in SUBACK. Those that a resumed session has it keeps. */
  maxSubscriptions?: number
  /**
   * Highest QoS that it may publish with, and that it is granted. CONNACK tells it; a PUBLISH above it ends the
   * connection with 0x9B, and a will above it refuses CONNECT. Not above the option.
   */
  maximumQoS?: QoS
  /**
   * False if it may not publish retained messages. CONNACK tells it; a retained PUBLISH ends the connection with 0x9A,
   * and a retained will refuses CONNECT. It receives retained messages like any other client.
   */
  retainAvailable?: boolean
  /**
   * Largest packet that it may send, in bytes, 64 at least. CONNACK tells it; a larger one gets 0x95. Not above the
   * option.
   */
  maxPacketSize?: number
}
