/**
 * The port that limits who may connect, and how much may come in. A contract: options and counters are not known here.
 */

import type { RateLimit } from '../../types/broker/events.js'
import type { Client } from '../../types/client/client.js'
import type { ClientLimits } from '../../types/client/limits.js'
import type { AnaxError } from '../errors.js'
import type { RateBucket } from '../util/scheduling/rate-bucket.js'

/** A rate, and what it applies to. */
export interface LimitedRate extends RateLimit {
  readonly bucket: RateBucket
}

export interface Admission {
  /** Called first for each CONNECT. @returns why it is refused */
  refusal(client: Client, clientId: string): AnaxError | undefined
  /**
   * Called before a client is authenticated.
   * @returns undefined if it may be authenticated immediately; otherwise why it is refused, or a promise of its turn
   */
  authenticationTurn(client: Client): AnaxError | Promise<void> | undefined
  /** Called with the outcome of the authentication. */
  authenticated(client: Client, outcome: 'accepted' | 'refused'): void
  /** The rates that apply to a client; none for a client of the host. Called again when its limits change. */
  ratesOf(client: Client, limits: ClientLimits | undefined): readonly LimitedRate[]
  /** How long a client may exceed its own rate, in milliseconds. */
  readonly patienceMs: number
}
