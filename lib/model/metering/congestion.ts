/** Which connected clients have something waiting for them, and how many have so much that others may have to wait. */

/** The messages that wait for one connected client. */
export interface Waiting {
  readonly clientId: string
  readonly messages: number
  readonly bytes: number
}

/** One per broker. */
export class Congestion {
  /** Clients whose queues are so full that publishers may have to wait before their messages are stored. */
  count = 0
  /** Clients that have so much waiting, in a queue or in memory, that the host may have to wait with its next message. */
  busy = 0
  /** Clients for which something waits. */
  readonly waiting = new Set<Waiting>()
}
