/**
 * The broker's end of the mqemitter bus. With the one within this process it listens to `#`, once; with a bus
 * that the host gave it listens to each filter that somebody here wants, so that a network carries only those.
 * Owns what is registered there; must not know sessions, nor what a message is.
 */
import type { Bus, BusListener, BusMessage } from '../../types/bus.js'
import type { MaybePromise } from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { AnaxError, wrapError } from '../errors.js'
import type { Timers } from '../util/timers.js'

/** Who the bus belongs to. */
export type BusOwner = 'broker' | 'host'

/** How long a bus of the host may take to say that it has a filter. */
const REGISTRATION_TIMEOUT_MS = 10_000

export interface BusParts {
  mq: Bus
  owner: BusOwner
  timers: Pick<Timers, 'within'>
  /** Gets what the bus brings: from the one within this process each message once, else once per filter. */
  receive(message: BusMessage): void
  /** Told of a filter that the bus did not take, or did not give up. */
  failed(error: AnaxError): void
}

/** What the bus was asked for, for one filter. */
interface Registration {
  /** One for each filter: some buses wrap it, and find it again by what they wrapped. */
  readonly listener: BusListener
  isDone: boolean
  outcome: Promise<void> | undefined
}

export class MessageBus {
  readonly #mq: Bus
  readonly #owner: BusOwner
  readonly #parts: BusParts
  /** Filter -> how many subscriptions here have it. */
  readonly #interest = new Map<string, number>()
  readonly #registrations = new Map<string, Registration>()
  #error: Error | null | undefined

  constructor(parts: BusParts) {
    this.#mq = parts.mq
    this.#owner = parts.owner
    this.#parts = parts
    if (parts.owner === 'broker') parts.mq.on('#', this.#listener())
  }

  /** Whether a message may come back later than it was handed over. */
  get takesTime(): boolean {
    return this.#owner === 'host'
  }

  /** Hands a message to the bus. Throws or rejects with ANAX_ERR_BUS. */
  publish(message: PublishMessage): MaybePromise<void> {
    return this.#owner === 'broker' ? this.#publishHere(message) : this.#publishOut(message)
  }

  /** Somebody wants the messages of a filter, and says so once. Answers as {@link registered} does. */
  want(filter: string): MaybePromise<void> {
    if (this.#owner === 'broker') return
    this.#interest.set(filter, (this.#interest.get(filter) ?? 0) + 1)
    return this.registered(filter)
  }

  /** One less. */
  unwant(filter: string): void {
    if (this.#owner === 'broker') return
    const wanted = this.#interest.get(filter) ?? 0
    if (wanted > 1) {
      this.#interest.set(filter, wanted - 1)
    } else if (wanted === 1) {
      this.#interest.delete(filter)
      this.#unregister(filter)
    }
  }

  /**
   * Waits until the bus has a filter that somebody wants; asks it again where it did not take it before.
   * Rejects with ANAX_ERR_BUS, of which the host is told; who wanted it has to say that it is wanted no more.
   */
  registered(filter: string): MaybePromise<void> {
    if (this.#owner === 'broker') return
    const registration = this.#registrations.get(filter) ?? this.#register(filter)
    if (!registration.isDone) return registration.outcome
  }

  close(): Promise<void> {
    return new Promise(resolve => this.#mq.close(resolve))
  }

  #listener(): BusListener {
    const { receive } = this.#parts
    return (message, done) => {
      // at once: the bus must never wait for a subscriber
      done()
      receive(message)
    }
  }

  #register(filter: string): Registration {
    const registration: Registration = { listener: this.#listener(), isDone: false, outcome: undefined }
    this.#registrations.set(filter, registration)
    registration.outcome = this.#outcomeOf(filter, registration)
    // whoever waits for it is told; the host is told in any case
    registration.outcome.catch(() => {})
    return registration
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
      this.#mq.on(filter, registration.listener, () => {
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
      this.#mq.removeListener(filter, registration.listener)
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(cause: unknown): AnaxError {
    const error = wrapError('ANAX_ERR_BUS', cause)
    this.#parts.failed(error)
    return error
  }

  /** The bus within this process calls back before `emit` returns: nothing to wait for, nothing to allocate. */
  #publishHere(message: PublishMessage): void {
    this.#error = undefined
    this.#mq.emit(message, this.#emitted)
    if (this.#error) throw wrapError('ANAX_ERR_BUS', this.#error)
  }

  readonly #emitted = (error?: Error | null): void => {
    this.#error = error
  }

  #publishOut(message: PublishMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const emitted = (error?: Error | null) =>
        error ? reject(new AnaxError('ANAX_ERR_BUS', { cause: error })) : resolve()
      try {
        this.#mq.emit(message, emitted)
      } catch (error) {
        emitted(error as Error)
      }
    })
  }
}
