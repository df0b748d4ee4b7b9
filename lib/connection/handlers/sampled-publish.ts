/**
 * A client's PUBLISH that is timed on its way. One of many is such a job, so that the others need not look at a clock.
 * Owns where the time is taken; does what every PUBLISH does.
 */
import type { PublishMessage } from '../../codec/publish-message.js'
import type { Timings } from '../../model/metering/timings.js'
import { isPromise } from '../../util/maybe-promise.js'
import type { Channel } from '../channel.js'
import { ClientPublish } from './client-publish.js'

export class SampledPublish extends ClientPublish {
  readonly #timings: Timings
  readonly #begun = performance.now()

  constructor(channel: Channel, message: PublishMessage) {
    super(channel, message)
    this.#timings = channel.ports.timings
  }

  override store(): void | Promise<void> {
    const isWritten = this.message.qos > 0 || this.message.retain
    return isWritten ? this.#timed('store', () => super.store()) : super.store()
  }

  override route(): void | Promise<void> {
    return this.#timed('bus', () => super.route())
  }

  override answer(): void | Promise<void> {
    const answered = super.answer()
    // behind the writes of this turn
    if (this.refusal === undefined) setImmediate(() => this.#timings.took('message', this.#begun))
    return answered
  }

  #timed(part: 'store' | 'bus', run: () => void | Promise<void>): void | Promise<void> {
    if (this.refusal !== undefined) return run()
    const begun = performance.now()
    const done = run()
    if (isPromise(done)) return done.then(() => this.#timings.took(part, begun))
    this.#timings.took(part, begun)
  }
}
