/** The connected clients with waiting messages, and how many of them have so many that publishers may have to wait. */

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
  /**
   * Clients with so many messages waiting, in a queue or in memory, that the host may have to wait with its next
   * message.
   */
  busy = 0
  /** Clients with waiting messages. */
  readonly waiting = new Set<Waiting>()
}
