/**
 * Unfinished deliveries, with one queue for each publisher whose delivery had to pause, so that its messages reach
 * everybody in the order of publishing. Owns the paused deliveries; must not know how a receiver is found, nor why a
 * delivery pauses.
 */
import type { PublishMessage } from '../codec/publish-message.js'
import { Fifo } from '../util/collections/fifo.js'
import { type Fairness, type PausedWork, TurnShare, type TurnShareOptions } from '../util/scheduling/fairness.js'

/** The unfinished delivery of one message. */
export interface Delivering {
  /** Continues. @returns whether everybody has the message; false if it has to pause */
  run(): boolean
}

/** The rest of a delivery whose first part may take several turns. */
export function inSteps<T>(first: () => T | undefined, then: (outcome: T) => Delivering | undefined): Delivering {
  let next: Delivering | undefined
  return {
    run() {
      if (next !== undefined) return next.run()
      const outcome = first()
      if (outcome === undefined) return false
      next = then(outcome)
      return next === undefined
    },
  }
}

interface Entry {
  message: PublishMessage
  /** Set when the delivery has begun. */
  delivering: Delivering | undefined
  done: () => void
}

export class Deliveries {
  readonly #fairness: Fairness
  readonly #begin: (message: PublishMessage) => Delivering | undefined
  readonly #caughtUp: (publisherId: string | undefined) => void
  /** By the client identifier of the publisher; undefined for the host. */
  readonly #lines = new Map<string | undefined, Line>()

  /**
   * @param begin begins to deliver a message. @returns undefined if everybody has it
   * @param caughtUp called when no message of a publisher is paused any more
   */
  constructor(
    fairness: Fairness,
    begin: (message: PublishMessage) => Delivering | undefined,
    caughtUp: (publisherId: string | undefined) => void,
  ) {
    this.#fairness = fairness
    this.#begin = begin
    this.#caughtUp = caughtUp
  }

  /** Whether messages of a publisher are paused. */
  isUnderWay(publisherId: string | undefined): boolean {
    return this.#lines.size > 0 && this.#lines.has(publisherId)
  }

  /** Whether the delivery of this message may begin immediately. */
  mayBegin({ clientId }: PublishMessage): boolean {
    return !this.#fairness.isSpent && !this.isUnderWay(clientId)
  }

  /**
   * Delivers a message later, after earlier ones of its publisher.
   * @param delivering set if the delivery has begun
   * @returns resolves when everybody has the message
   */
  later(message: PublishMessage, delivering: Delivering | undefined): Promise<void> {
    const { clientId } = message
    let line = this.#lines.get(clientId)
    if (line === undefined) {
      const share = delivering === undefined ? undefined : { turn: this.#fairness.turn }
      line = new Line(this.#fairness, this.#begin, () => this.#ended(clientId), share)
      this.#lines.set(clientId, line)
    }
    return line.append(message, delivering)
  }

  #ended(publisherId: string | undefined): void {
    this.#lines.delete(publisherId)
    this.#caughtUp(publisherId)
  }
}

/** The queue of one publisher. */
class Line implements PausedWork {
  readonly #fairness: Fairness
  readonly #begin: (message: PublishMessage) => Delivering | undefined
  readonly #ended: () => void
  readonly #share: TurnShare
  readonly #entries = new Fifo<Entry>()

  constructor(
    fairness: Fairness,
    begin: (message: PublishMessage) => Delivering | undefined,
    ended: () => void,
    share?: TurnShareOptions,
  ) {
    this.#fairness = fairness
    this.#begin = begin
    this.#ended = ended
    this.#share = new TurnShare(this, share)
  }

  append(message: PublishMessage, delivering: Delivering | undefined): Promise<void> {
    return new Promise(done => {
      this.#entries.push({ message, delivering, done })
      this.#fairness.wait(this.#share)
    })
  }

  /** Called when a turn of the event loop has room. */
  resume(): void {
    if (!this.#fairness.begin(this.#share)) return
    const isEmpty = this.#run()
    this.#fairness.end(this.#share)
    if (isEmpty) this.#ended()
    else this.#fairness.wait(this.#share)
  }

  /** @returns whether there is nothing left */
  #run(): boolean {
    for (let entry = this.#entries.first; entry !== undefined; entry = this.#entries.first) {
      if (this.#fairness.isSpent) return false
      if (entry.delivering === undefined) entry.delivering = this.#begin(entry.message)
      else if (entry.delivering.run()) entry.delivering = undefined
      if (entry.delivering !== undefined) return false
      this.#entries.shift()
      entry.done()
    }
    return true
  }
}
