/**
 * The bus within this process, with one listener for all messages. When `publish` returns, or its promise resolves, the
 * message was routed. Owns the calls of the mqemitter; must not know subscriptions.
 */
import type { Bus } from '../../../types/bus.js'
import type { MaybePromise } from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import { wrapError } from '../../errors.js'
import type { MessageBus } from './message-bus.js'

export class LocalBus implements MessageBus {
  readonly isDeferred = false
  readonly #mq: Bus
  #error: Error | null | undefined
  /** The result of routing the last emitted message. */
  #routed: MaybePromise<void> = undefined

  /**
   * @param mq calls back before `emit` returns
   * @param route gets each message once.
   * @returns a promise if that takes more than this turn of the event loop
   */
  constructor(mq: Bus, route: (message: PublishMessage) => MaybePromise<void>) {
    this.#mq = mq
    mq.on('#', (message, done) => {
      done()
      this.#routed = route(message)
    })
  }

  /** Throws ANAX_ERR_BUS. Usually returns undefined, without an allocation. */
  publish(message: PublishMessage): MaybePromise<void> {
    this.#error = undefined
    this.#routed = undefined
    this.#mq.emit(message, this.#emitted)
    const routed = this.#routed
    this.#routed = undefined
    if (this.#error) throw wrapError('ANAX_ERR_BUS', this.#error)
    return routed
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
