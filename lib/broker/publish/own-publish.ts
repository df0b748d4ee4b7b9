/**
 * A message that no client sent, on its way through the pipeline: the host's own, or a will.
 * Owns its outcome; must not know who asked.
 */
import type { MatchedSubscription, MaybePromise } from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import { type AnaxError, wrapError } from '../../errors.js'
import type { MessageSink } from '../../ports/message-sink.js'
import { isPromise } from '../../util/maybe-promise.js'
import { Job } from '../../util/pipeline.js'

export class OwnPublish extends Job {
  readonly #sink: MessageSink
  readonly #message: PublishMessage
  readonly #done: (error: AnaxError | undefined) => void
  #matched: readonly MatchedSubscription[] = []
  #error: AnaxError | undefined

  /** @param done told when it is published, with the error where it is not */
  constructor(sink: MessageSink, message: PublishMessage, done: (error: AnaxError | undefined) => void) {
    super()
    this.#sink = sink
    this.#message = message
    this.#done = done
  }

  override match(): void | Promise<void> {
    return this.#step(
      () => this.#sink.match(this.#message),
      matched => {
        this.#matched = matched
      },
    )
  }

  override store(): void | Promise<void> {
    return this.#step(() => this.#sink.store(this.#message, this.#matched))
  }

  /** Answers as soon as it is routed: who is told of one message may wait for the next. */
  override route(): void | Promise<void> {
    const routed = this.#step(() => this.#sink.route(this.#message))
    const told = isPromise(routed) ? routed.then(() => this.#tellHost()) : this.#tellHost()
    if (isPromise(told)) return told.then(this.#answer)
    this.#answer()
  }

  readonly #answer = (): void => this.#done(this.#error)

  #tellHost(): void | Promise<void> {
    return this.#step(
      () => this.#sink.published(this.#message, null),
      refusal => {
        this.#error = refusal
      },
    )
  }

  /** Does a step, unless one before has failed. */
  #step<T>(step: () => MaybePromise<T>, note: (outcome: T) => void = () => {}): void | Promise<void> {
    if (this.#error !== undefined) return
    try {
      const outcome = step()
      if (isPromise(outcome)) return outcome.then(note, this.#failed)
      note(outcome)
    } catch (error) {
      this.#failed(error)
    }
  }

  readonly #failed = (error: unknown): void => {
    this.#error = wrapError('ANAX_ERR_STORE', error)
  }
}
