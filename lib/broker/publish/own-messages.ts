/**
 * Publishes messages that no client sends: those of the host, and wills. Owns their order, which is preserved like that
 * of a client; must not know the caller.
 */
import type { MaybePromise } from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import type { AnaxError } from '../../errors.js'
import type { Companion, PublishPath } from '../../ports/message-sink.js'
import { PublishJob } from '../../routing/publish-job.js'
import { Fifo } from '../../util/collections/fifo.js'
import { Pipeline } from '../../util/scheduling/pipeline.js'

/** A message of the host that has not begun. */
interface Held {
  readonly message: PublishMessage
  resolve(): void
  reject(refusal: AnaxError): void
}

/** What publishing a message has come to: known at once, or later. */
class Outcome {
  #isKnown = false
  #refusal: AnaxError | undefined
  #known: (() => void) | undefined

  readonly tell = (refusal: AnaxError | undefined): void => {
    this.#isKnown = true
    this.#refusal = refusal
    this.#known?.()
  }

  /** @throws AnaxError */
  get(): MaybePromise<void> {
    if (!this.#isKnown) return this.#later()
    if (this.#refusal !== undefined) throw this.#refusal
    return undefined
  }

  #later(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#known = () => (this.#refusal === undefined ? resolve() : reject(this.#refusal))
    })
  }
}

/** Messages of the host that the store may have at the same time: enough for large transactions. */
const MOST_UNSTORED = 1000

/** Reports when its message is stored, or refused before that. */
class OwnJob extends PublishJob {
  readonly #stored: () => void

  constructor(stored: () => void, ...rest: ConstructorParameters<typeof PublishJob>) {
    super(...rest)
    this.#stored = stored
  }

  override route(): void | Promise<void> {
    this.#stored()
    return super.route()
  }
}

export class OwnMessages {
  readonly #path: PublishPath
  readonly #isDelivering: () => boolean
  readonly #pipeline = new Pipeline(
    Number.POSITIVE_INFINITY,
    () => {},
    () => {},
  )
  #unstored = 0
  /**
   * What the host has published while earlier messages are being stored, or delivered in further turns of the event
   * loop. A host may publish very many messages without waiting, and one that has begun takes more memory. Hooks are
   * never waited for here: one of them may be waiting for a message that is held.
   */
  readonly #held = new Fifo<Held>()
  /** Callers that wait until nothing is held. */
  #waiting: (() => void)[] = []

  /** @param isDelivering whether messages of the host are being delivered; {@link resume} must be called afterwards */
  constructor(path: PublishPath, isDelivering: () => boolean) {
    this.#path = path
    this.#isDelivering = isDelivering
  }

  /** The number of messages that are not published yet. */
  get size(): number {
    return this.#held.length + this.#pipeline.size
  }

  /**
   * Publishes a message after all earlier ones of its publisher.
   * @returns undefined if that is done
   * @throws AnaxError
   */
  publish(message: PublishMessage, companion?: Companion): MaybePromise<void> {
    const isOfHost = message.clientId === undefined
    if (isOfHost && (this.#held.length > 0 || this.#isBusy)) {
      return new Promise((resolve, reject) => this.#held.push({ message, resolve, reject }))
    }
    const outcome = new Outcome()
    this.#begin(message, companion, outcome.tell)
    return outcome.get()
  }

  /** Must be called when messages of the host are no longer being delivered. */
  resume(): void {
    while (this.#held.length > 0 && !this.#isBusy) {
      const { message, resolve, reject } = this.#held.shift()
      this.#begin(message, undefined, refusal => (refusal === undefined ? resolve() : reject(refusal)))
    }
    if (this.#held.length > 0) return
    for (const released of this.#waiting.splice(0)) released()
  }

  /** Resolves when every message is published or refused. */
  async idle(): Promise<void> {
    if (this.#held.length > 0) await new Promise<void>(resolve => this.#waiting.push(resolve))
    await this.#pipeline.settled()
  }

  get #isBusy(): boolean {
    return this.#unstored >= MOST_UNSTORED || this.#isDelivering()
  }

  readonly #stored = (): void => {
    this.#unstored--
    if (this.#held.length > 0) this.resume()
  }

  #begin(
    message: PublishMessage,
    companion: Companion | undefined,
    done: (refusal: AnaxError | undefined) => void,
  ): void {
    this.#unstored++
    this.#pipeline.run(new OwnJob(this.#stored, this.#path, message, null, companion, done))
  }
}
