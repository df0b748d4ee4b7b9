/** The limits of the command: the broker's option for each, and its range. Knows no other options. */
import type { BrokerOptions } from '../../../types/broker/options.js'

/** The protocol's largest packet, its largest interval in seconds, and its largest Receive Maximum. */
const MAX_PACKET_SIZE = 268_435_460
const MAX_SECONDS = 0xffff_ffff
const MAX_RECEIVE = 65_535
const ANY = Number.MAX_SAFE_INTEGER

/** Option of the command -> option of the broker, minimum and maximum. */
export const LIMITS = {
  'max-connections': ['maxConnections', 1, ANY],
  'max-clients-id-length': ['maxClientsIdLength', 1, MAX_RECEIVE],
  'max-packet-size': ['maxPacketSize', 64, MAX_PACKET_SIZE],
  'max-connect-size': ['maxConnectSize', 64, MAX_PACKET_SIZE],
  'max-incomplete-bytes': ['maxIncompleteBytes', 1, ANY],
  'max-user-properties': ['maxUserProperties', 0, ANY],
  'max-subscriptions': ['maxSubscriptions', 0, ANY],
  'max-subscription-bytes': ['maxSubscriptionBytes', 0, ANY],
  'max-total-subscription-bytes': ['maxTotalSubscriptionBytes', 0, ANY],
  'max-filters-per-packet': ['maxFiltersPerPacket', 1, ANY],
  'max-topic-levels': ['maxTopicLevels', 1, 100],
  'keepalive-limit': ['keepaliveLimit', 0, MAX_RECEIVE],
  'max-sessions': ['maxSessions', 0, ANY],
  'max-session-bytes': ['maxSessionBytes', 0, ANY],
  'max-session-expiry': ['maxSessionExpiry', 0, MAX_SECONDS],
  'default-session-expiry': ['defaultSessionExpiry', 0, MAX_SECONDS],
  'max-wills': ['maxWills', 0, ANY],
  'max-will-bytes': ['maxWillBytes', 0, ANY],
  'max-will-delay': ['maxWillDelay', 0, MAX_SECONDS],
  'max-inflight': ['maxInflight', 1, MAX_RECEIVE],
  'receive-maximum': ['receiveMaximum', 1, MAX_RECEIVE],
  'max-inflight-inbound': ['maxInflightInbound', 0, MAX_RECEIVE],
  'max-concurrent-packets': ['maxConcurrentPackets', 1, MAX_RECEIVE + 1],
  'topic-alias-maximum': ['topicAliasMaximum', 0, MAX_RECEIVE],
  'max-outbound-topic-aliases': ['maxOutboundTopicAliases', 0, MAX_RECEIVE],
  'max-queued-messages': ['maxQueuedMessages', 1, ANY],
  'max-burst-messages': ['maxBurstMessages', 1, ANY],
  'max-queued-bytes': ['maxQueuedBytes', 1, ANY],
  'max-total-queued-bytes': ['maxTotalQueuedBytes', 1, ANY],
  'max-outbox-bytes': ['maxOutboxBytes', 1, ANY],
  'max-burst-bytes': ['maxBurstBytes', 1, ANY],
  'max-retained-messages': ['maxRetainedMessages', 0, ANY],
  'max-retained-bytes': ['maxRetainedBytes', 0, ANY],
  'max-retained-payload': ['maxRetainedPayload', 0, ANY],
  'max-retained-expiry': ['maxRetainedExpiry', 0, ANY],
  'max-event-loop-delay-ms': ['maxEventLoopDelayMs', 1, ANY],
  'max-memory-bytes': ['maxMemoryBytes', 1, ANY],
} as const satisfies Record<string, readonly [keyof BrokerOptions, number, number]>

export type LimitName = keyof typeof LIMITS

/** The limits that were set. */
export type Limits = Pick<BrokerOptions, (typeof LIMITS)[LimitName][0]>

/** @param read reads a whole number; undefined if the option is not set. @throws what `read` throws */
export function limitsOf(read: (name: LimitName, min: number, max: number) => number | undefined): Limits {
  const limits: Record<string, number> = {}
  for (const [name, [option, min, max]] of Object.entries(LIMITS)) {
    const value = read(name as LimitName, min, max)
    if (value !== undefined) limits[option] = value
  }
  return limits
}
