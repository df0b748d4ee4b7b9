/** The limits that a hook may give one client. Contracts only; the session, the reader and the rates enforce them. */
import type { QoS } from '../message/packets.js'
import type { InboundRates } from './rates.js'

/**
 * Limits of one client, instead of the options with the same names. For a missing limit, the option applies; Infinity
 * is no limit.
 */
export interface ClientLimits extends InboundRates {
  /**
   * Maximum number of subscriptions of its session; further ones get 0x97 in SUBACK. A resumed session keeps its
   * subscriptions.
   */
  maxSubscriptions?: number
  /**
   * Highest QoS for its messages and subscriptions. Announced in CONNACK; a PUBLISH above it ends the connection with
   * 0x9B, and a will above it refuses CONNECT. Not above the option.
   */
  maximumQoS?: QoS
  /**
   * False if it may not publish retained messages. Announced in CONNACK; a retained PUBLISH ends the connection with
   * 0x9A, and a retained will refuses CONNECT. It receives retained messages like any other client.
   */
  retainAvailable?: boolean
  /**
   * Largest packet that it may send, in bytes, at least 64. Announced in CONNACK; a larger one gets 0x95. Not above the
   * option.
   */
  maxPacketSize?: number
}
