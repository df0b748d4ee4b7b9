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
  /** When the client was accepted, in milliseconds since the epoch; undefined before. */
  connectedAt: number | undefined
  received: ConnectionTraffic
  sent: ConnectionTraffic
  /** QoS 1 and 2 messages that were sent to the client and are not acknowledged. */
  inflight: number
  /** Messages that wait in memory for the client. */
  waiting: Amount
  /** Bytes that were not written to its stream yet, because the stream is full. */
  unsentBytes: number
  /** Messages for it that were dropped while it was connected. */
  drops: number
}
