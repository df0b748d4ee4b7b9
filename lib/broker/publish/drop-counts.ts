/** Counts of dropped messages, by reason and by client. Owns the numbers; must not know why messages are dropped. */
import type { Drop, DropReason } from '../../../types/broker/events.js'

/** A connected client's own count. */
export interface Counted {
  drops: number
}

export class DropCounts {
  readonly #byReason: Record<DropReason, number> = {
    'queue-full': 0,
    'store-full': 0,
    'store-failed': 0,
    expired: 0,
    'packet-too-large': 0,
    'not-encodable': 0,
    'outbox-full': 0,
    'not-forwarded': 0,
    disconnected: 0,
    'session-ended': 0,
    refused: 0,
    overload: 0,
  }
  readonly #connected: (clientId: string) => Counted | undefined

  /** @param connected the client of that identifier, if it is connected */
  constructor(connected: (clientId: string) => Counted | undefined) {
    this.#connected = connected
  }

  /** The current numbers; each reason has one. */
  get byReason(): Record<DropReason, number> {
    return { ...this.#byReason }
  }

  add({ clientId, reason }: Drop): void {
    this.#byReason[reason]++
    const client = this.#connected(clientId)
    if (client !== undefined) client.drops++
  }
}
