/**
 * The delivery of one message to many sessions. It can pause between any two of them and go on later. Owns how far it
 * is; must not know who decides when it pauses.
 */
import type { PublishMessage } from '../codec/publish-message.js'
import type { Delivery } from '../model/delivery.js'
import { grantedQoS } from '../model/grant.js'
import { recordOf } from '../model/routing-record.js'
import { isLeftOut, liveCopy } from './live-copy.js'
import type { Target } from './route.js'

export class FanOut {
  readonly #message: PublishMessage
  readonly #targets: readonly Target[]
  /** Sessions that get the message in the same way share one copy, and so its encoding. */
  readonly #common: (Delivery | undefined)[] = []
  #next = 0
  #lastRun = 0

  constructor(message: PublishMessage, targets: readonly Target[]) {
    this.#message = message
    this.#targets = targets
  }

  /** Whether every session has its copy. */
  get isDone(): boolean {
    return this.#next >= this.#targets.length
  }

  /** How many sessions the last call of `run` went through. */
  get lastRun(): number {
    return this.#lastRun
  }

  /** Delivers to the next sessions, at most `limit` of them. */
  run(limit: number): void {
    const targets = this.#targets
    const message = this.#message
    const record = recordOf(message)
    const from = this.#next
    const end = Math.min(targets.length, from + limit)
    this.#next = end
    this.#lastRun = end - from
    for (let i = from; i < end; i++) {
      const target = targets[i]!
      const receiver = target.session.id === message.clientId ? target.forPublisher : target
      if (receiver === undefined || !receiver.isLive || isLeftOut(message, record, receiver)) continue
      const { subscriptionIdentifiers } = receiver
      const copy = subscriptionIdentifiers === undefined ? this.#commonCopy(receiver) : liveCopy(message, receiver)
      receiver.session.deliver(copy)
    }
  }

  #commonCopy(target: Target): Delivery {
    const message = this.#message
    const slot = grantedQoS(message, target) * 2 + (message.retain && target.rap ? 1 : 0)
    let copy = this.#common[slot]
    if (copy === undefined) {
      copy = liveCopy(message, target)
      this.#common[slot] = copy
    }
    return copy
  }
}
