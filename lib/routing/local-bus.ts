/**
 * The bus within this process: one listener for all messages, and `publish` has routed a message when it returns.
 * Owns the calls of the mqemitter; must not know subscriptions.
 */
import type { Bus } from '../../types/bus.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { wrapError } from '../errors.js'
import type { MessageBus } from './message-bus.js'

export class LocalBus implements MessageBus {
  readonly isDeferred = false
  readonly #mq: Bus
  #error: Error | null | undefined

  /**
   * @param mq calls back before `emit` returns
   * @param route gets each message once
   */
  constructor(mq: Bus, route: (message: PublishMessage) => void) {
    this.#mq = mq
    mq.on('#', (message, done) => {
      done()
      route(message)
    })
  }

  /** Throws ANAX_ERR_BUS. Nothing to wait for, and nothing to allocate. */
  publish(message: PublishMessage): void {
    this.#error = undefined
    this.#mq.emit(message, this.#emitted)
    if (this.#error) throw wrapError('ANAX_ERR_BUS', this.#error)
  }

  abandon(): void {}
  sentFromQueue(): void {}
  want(): void {}
  unwant(): void {}
  registered(): void {}
  wantGroup(): void {}
  unwantGroup(): void {}

  close(): Promise<void> {
    return new Promise(resolve => this.#mq.close(resolve))
  }

  readonly #emitted = (error?: Error | null): void => {
    this.#error = error
  }
}
