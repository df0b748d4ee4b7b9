/**
 * Limits who may connect, and how much a client may send, by asking the owners of these limits. Clients of the host are
 * exempt.
 */
import type { Client } from '../../../types/client/client.js'
import type { ClientLimits } from '../../../types/client/limits.js'
import type { AnaxError } from '../../errors.js'
import type { Admission, LimitedRate } from '../../ports/admission.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import type { Timers } from '../../util/scheduling/timers.js'
import { AuthenticationFailures } from './authentication-failures.js'
import { FlappingWatch } from './flapping.js'
import { BrokerRates } from './rates.js'

export interface AdmissionParts {
  options: Pick<ResolvedOptions, 'rates' | 'authenticationDelay' | 'flapping'>
  timers: Timers
  events: EventSink
  isExempt(client: Client): boolean
}

const PATIENCE_SECONDS = 60

const NO_RATES: readonly LimitedRate[] = []

export class BrokerAdmission implements Admission {
  readonly patienceMs: number
  readonly flapping: FlappingWatch
  readonly #parts: AdmissionParts
  readonly #rates: BrokerRates
  readonly #failures: AuthenticationFailures | undefined

  constructor(parts: AdmissionParts) {
    const { rates = {}, authenticationDelay, flapping = {} } = parts.options
    const { timers } = parts
    this.#parts = parts
    this.#rates = new BrokerRates(rates, timers)
    this.flapping = new FlappingWatch(flapping, parts)
    this.#failures = authenticationDelay && new AuthenticationFailures(authenticationDelay, timers)
    this.patienceMs = (rates.patienceSeconds ?? PATIENCE_SECONDS) * 1000
  }

  refusal(client: Client, clientId: string): AnaxError | undefined {
    if (this.#parts.isExempt(client)) return undefined
    return this.flapping.banOf(client, clientId) ?? this.#rates.connectRefusal(client, clientId)
  }

  authenticationTurn(client: Client): AnaxError | Promise<void> | undefined {
    return this.#failures?.turn(client)
  }

  authenticated(client: Client, outcome: 'accepted' | 'refused'): void {
    if (outcome === 'refused') this.#failures?.failed(client)
    else this.#failures?.succeeded(client)
  }

  ratesOf(client: Client, limits: ClientLimits | undefined): readonly LimitedRate[] {
    return this.#parts.isExempt(client) ? NO_RATES : this.#rates.of(client, limits)
  }
}
