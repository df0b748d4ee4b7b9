/** The numbers of one connection. Contracts only. */

/** A number of messages, with the bytes of their payloads and properties. */
export interface Amount {
  messages: number
  bytes: number
}

/** The traffic of one connection, in one direction. */
export interface ConnectionTraffic {
  bytes: number
  /** Packets of all types. */
  packets: number
  /** PUBLISH packets. */
  messages: number
}

/** The numbers of one connection. */
export interface ClientStats {
  /** When the client was let in, in milliseconds since the epoch; undefined before. */
  connectedAt: number | undefined
  received: ConnectionTraffic
  sent: ConnectionTraffic
  /** QoS 1 and 2 messages that were sent to the client and are not acknowledged. */
  inflight: number
  /** Messages in memory until the client takes them. */
  waiting: Amount
  /** Bytes that were not handed to its stream yet, because the stream is full. */
  unsentBytes: number
  /** Messages for it that were dropped while it was connected. */
  drops: number
}
