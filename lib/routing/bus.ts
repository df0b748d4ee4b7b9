/**
 * The broker's end of the mqemitter bus. With the one within this process it listens to `#`, once; with a bus
 * that the host gave it listens to each filter that somebody here wants, so that a network carries only those.
 * Owns what is registered there; must not know sessions.
 */
import type { Bus, BusListener, BusMessage } from '../../types/bus.js'
import type { MaybePromise } from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { AnaxError, wrapError } from '../errors.js'

/** Who the bus belongs to. */
export type BusOwner = 'broker' | 'host'

export class MessageBus {
  readonly #mq: Bus
  readonly #owner: BusOwner
  /** Filter -> how many subscriptions here have it. */
  readonly #interest = new Map<string, number>()
  readonly #listener: BusListener
  readonly #failed: (error: AnaxError) => void
  #error: Error | null | undefined

  /**
   * @param receive gets each message of the bus; once per filter that it matches
   * @param failed told of a filter that the bus did not take, or did not give up
   */
  constructor(
    mq: Bus,
    owner: BusOwner,
    receive: (message: BusMessage) => void,
    failed: (error: AnaxError) => void = () => {},
  ) {
    this.#mq = mq
    this.#owner = owner
    this.#failed = failed
    this.#listener = (message, done) => {
      // at once: the bus must never wait for a subscriber
      done()
      receive(message)
    }
    if (owner === 'broker') mq.on('#', this.#listener)
  }

  /** Whether a message may come back later than it was handed over. */
  get takesTime(): boolean {
    return this.#owner === 'host'
  }

  /** Hands a message to the bus. Throws or rejects with ANAX_ERR_BUS. */
  publish(message: PublishMessage): MaybePromise<void> {
    return this.#owner === 'broker' ? this.#publishHere(message) : this.#publishOut(message)
  }

  /** Somebody wants the messages of a filter. */
  want(filter: string): void {
    if (this.#owner === 'broker') return
    const wanted = this.#interest.get(filter) ?? 0
    this.#interest.set(filter, wanted + 1)
    if (wanted === 0) this.#attempt(() => this.#mq.on(filter, this.#listener))
  }

  /** One less. */
  unwant(filter: string): void {
    if (this.#owner === 'broker') return
    const wanted = this.#interest.get(filter) ?? 0
    if (wanted > 1) {
      this.#interest.set(filter, wanted - 1)
    } else if (wanted === 1) {
      this.#interest.delete(filter)
      this.#attempt(() => this.#mq.removeListener(filter, this.#listener))
    }
  }

  close(): Promise<void> {
    return new Promise(resolve => this.#mq.close(resolve))
  }

  #attempt(operation: () => void): void {
    try {
      operation()
    } catch (error) {
      this.#failed(wrapError('ANAX_ERR_BUS', error))
    }
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
