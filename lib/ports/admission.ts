/** The port that limits who may connect, and how much may come in. A contract: options and counters are not known here. */
import type { Client } from '../../types/client.js'
import type { ClientLimits } from '../../types/client-limits.js'
import type { RateLimit } from '../../types/events.js'
import type { AnaxError } from '../errors.js'
import type { RateBucket } from '../util/scheduling/rate-bucket.js'

/** A rate, and whose it is. */
export interface LimitedRate extends RateLimit {
  readonly bucket: RateBucket
}

export interface Admission {
  /** Asked first for each CONNECT. @returns why it is refused */
  refusal(client: Client, clientId: string): AnaxError | undefined
  /**
   * Asked before a client shows who it is.
   * @returns undefined if it may do so at once; else why it is refused, or a promise of its turn
   */
  authenticationTurn(client: Client): AnaxError | Promise<void> | undefined
  /** The outcome: refused for its credentials, or accepted. */
  authenticated(client: Client, outcome: 'accepted' | 'refused'): void
  /** The rates that a client is subject to; none for a client of the host. Asked again if its limits change. */
  ratesOf(client: Client, limits: ClientLimits | undefined): readonly LimitedRate[]
  /** Milliseconds for which a client may be above its own rate. */
  readonly patienceMs: number
}
