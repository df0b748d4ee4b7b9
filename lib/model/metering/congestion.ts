/** Which connected clients have something waiting for them, and how many have so much that publishers may have to wait. */

/** The messages that wait for one connected client. */
export interface Waiting {
  readonly clientId: string
  readonly messages: number
  readonly bytes: number
}

/** One per broker. */
export class Congestion {
  /** Clients for which publishers may have to wait. */
  count = 0
  /** Clients for which something waits. */
  readonly waiting = new Set<Waiting>()
}
