/**
 * One message in a pipeline: it is matched, stored and routed, and then acknowledged. The same for messages of a
 * client, of the host, of another broker, and for wills. Owns the outcome; must not know store and bus, nor how a
 * client is answered.
 */

import type { PublishTrace } from '../../types/broker/diagnostics.js'
import type { Client } from '../../types/client/client.js'
import type { MatchedSubscription } from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { type AnaxError, wrapError } from '../errors.js'
import { publishes } from '../model/metering/trace-points.js'
import type { Companion, PublishPath } from '../ports/message-sink.js'
import { isPromise } from '../util/maybe-promise.js'
import { Job } from '../util/scheduling/pipeline.js'

const NOBODY: readonly MatchedSubscription[] = []

export class PublishJob extends Job {
  protected message: PublishMessage
  /** Why the message is not published; then all later stages but `answer` do nothing. */
  protected refusal: AnaxError | undefined = undefined
  readonly #path: PublishPath
  readonly #client: Client | null
  readonly #companion: Companion | undefined
  readonly #done: ((refusal: AnaxError | undefined) => void) | undefined
  #matched: readonly MatchedSubscription[] = NOBODY
  readonly #trace: PublishTrace | undefined

  /**
   * @param client who published the message; null for the broker itself
   * @param companion the writes that belong to the message
   * @param done called when the message is routed or refused. It does not wait for earlier messages: a hook that waits
   * for one message may publish the next.
   */
  constructor(
    path: PublishPath,
    message: PublishMessage,
    client: Client | null,
    companion: Companion | undefined,
    done?: (refusal: AnaxError | undefined) => void,
  ) {
    super()
    this.message = message
    this.#path = path
    this.#client = client
    this.#companion = companion
    this.#done = done
    this.#trace = publishes.isOn ? publishes.begin({ message, client, error: undefined }) : undefined
  }

  override match(): void | Promise<void> {
    if (this.refusal !== undefined) return
    try {
      const matched = this.#path.match(this.message)
      if (isPromise(matched)) return this.#awaitMatch(matched)
      this.#matched = matched
    } catch (error) {
      this.#refuse(error)
    }
  }

  override store(): void | Promise<void> {
    if (this.refusal !== undefined) return
    try {
      const stored = this.#path.store(this.message, this.#matched, this.#companion)
      if (isPromise(stored)) return stored.catch(error => this.#abandon(error))
    } catch (error) {
      this.#abandon(error)
    }
  }

  override route(): void | Promise<void> {
    if (this.refusal === undefined) {
      try {
        const routed = this.#path.route(this.message)
        if (isPromise(routed)) return this.#awaitRoute(routed)
        const told = this.#path.published(this.message, this.#client)
        if (isPromise(told)) return this.#awaitHost(told)
        this.refusal = told
      } catch (error) {
        this.#refuse(error)
      }
    }
    this.#finish()
  }

  #finish(): void {
    const trace = this.#trace
    if (trace !== undefined) {
      trace.message = this.message
      trace.error = this.refusal
      publishes.end(trace)
    }
    this.#done?.(this.refusal)
  }

  #refuse(error: unknown): void {
    this.refusal = wrapError('ANAX_ERR_STORE', error)
  }

  /** Storing failed in part: other writes may have succeeded. */
  #abandon(error: unknown): void {
    this.#path.abandon(this.message)
    this.#refuse(error)
  }

  async #awaitMatch(matched: Promise<readonly MatchedSubscription[]>): Promise<void> {
    try {
      this.#matched = await matched
    } catch (error) {
      this.#refuse(error)
    }
  }

  async #awaitRoute(routed: Promise<void>): Promise<void> {
    try {
      await routed
      this.refusal = await this.#path.published(this.message, this.#client)
    } catch (error) {
      this.#refuse(error)
    }
    this.#finish()
  }

  async #awaitHost(told: Promise<AnaxError | undefined>): Promise<void> {
    try {
      this.refusal = await told
    } catch (error) {
      this.#refuse(error)
    }
    this.#finish()
  }
}
