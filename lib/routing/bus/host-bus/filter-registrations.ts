/**
 * The filters that are registered on the bus of the host: each once, as long as a subscription has it, so that a
 * network carries only what this broker needs. Owns these registrations; must not know what a message is.
 */
import type { Bus, BusListener, BusMessage } from '../../../../types/bus.js'
import type { MaybePromise } from '../../../../types/persistence.js'
import { AnaxError, wrapError } from '../../../errors.js'
import type { Timers } from '../../../util/scheduling/timers.js'

/** How long the bus may take to confirm a filter. */
const REGISTRATION_TIMEOUT_MS = 10_000

export interface RegistrationParts {
  mq: Bus
  timers: Pick<Timers, 'within'>
  /** Called for each message of the bus, once per matching filter. */
  receive(message: BusMessage): void
  /** Called when registering or unregistering a filter failed. */
  failed(error: AnaxError): void
}

/** One registered filter. */
interface Registration {
  /**
   * A listener of its own for each filter, because some buses wrap listeners and find them again by the wrapped
   * function.
   */
  readonly listener: BusListener
  isDone: boolean
  outcome: Promise<void> | undefined
}

export class FilterRegistrations {
  readonly #parts: RegistrationParts
  /** Filter -> how many subscriptions have it. */
  readonly #interest = new Map<string, number>()
  readonly #registrations = new Map<string, Registration>()

  constructor(parts: RegistrationParts) {
    this.#parts = parts
  }

  /** Counts a subscription with this filter. Returns as {@link registered} does. */
  want(filter: string): MaybePromise<void> {
    this.#interest.set(filter, (this.#interest.get(filter) ?? 0) + 1)
    return this.registered(filter)
  }

  /** Stops counting a subscription with this filter. */
  unwant(filter: string): void {
    const wanted = this.#interest.get(filter) ?? 0
    if (wanted > 1) {
      this.#interest.set(filter, wanted - 1)
    } else if (wanted === 1) {
      this.#interest.delete(filter)
      this.#unregister(filter)
    }
  }

  /**
   * Waits until a wanted filter is registered; tries again if that failed before. Rejects with ANAX_ERR_BUS, which is
   * reported to the host as well.
   */
  registered(filter: string): MaybePromise<void> {
    const registration = this.#registrations.get(filter) ?? this.#register(filter)
    if (!registration.isDone) return registration.outcome
  }

  #register(filter: string): Registration {
    const registration: Registration = { listener: this.#listener(), isDone: false, outcome: undefined }
    this.#registrations.set(filter, registration)
    registration.outcome = this.#outcomeOf(filter, registration)
    // Possibly nobody waits for it; the failure is reported to the host in any case.
    registration.outcome.catch(() => {})
    return registration
  }

  #listener(): BusListener {
    const { receive } = this.#parts
    return (message, done) => {
      // Immediately: the bus must never wait for a subscriber.
      done()
      receive(message)
    }
  }

  async #outcomeOf(filter: string, registration: Registration): Promise<void> {
    try {
      await this.#parts.timers.within(REGISTRATION_TIMEOUT_MS, this.#answerTo(filter, registration))
    } catch (error) {
      this.#registrations.delete(filter)
      throw this.#failed(error)
    }
    if (registration.isDone) return
    const isCurrent = this.#registrations.get(filter) === registration
    if (isCurrent) this.#unregister(filter)
    const error = new AnaxError('ANAX_ERR_BUS', { detail: `no answer for ${filter}` })
    throw isCurrent ? this.#failed(error) : error
  }

  #answerTo(filter: string, registration: Registration): Promise<void> {
    return new Promise(resolve => {
      this.#parts.mq.on(filter, registration.listener, () => {
        registration.isDone = true
        resolve()
      })
    })
  }

  #unregister(filter: string): void {
    const registration = this.#registrations.get(filter)
    if (registration === undefined) return
    this.#registrations.delete(filter)
    try {
      this.#parts.mq.removeListener(filter, registration.listener)
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(cause: unknown): AnaxError {
    const error = wrapError('ANAX_ERR_BUS', cause)
    this.#parts.failed(error)
    return error
  }
}
