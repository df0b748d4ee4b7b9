/** Counts the messages in flight and waiting, of all clients together. The queues update it. */
export class Load {
  /** QoS 1 and 2 messages that were sent and are not acknowledged. */
  inflight = 0
  /** Messages that wait in memory. */
  waitingMessages = 0
  waitingBytes = 0
}
