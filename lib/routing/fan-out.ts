/**
 * The delivery of one message to many sessions. It can pause between any two of them and continue later. Owns its
 * progress; must not know when it pauses.
 */
import type { PublishMessage } from '../codec/publish-message.js'
import type { Delivery } from '../model/delivery.js'
import { grantedQoS } from '../model/grant.js'
import { recordOf } from '../model/routing-record.js'
import { isLeftOut, liveCopy } from './live-copy.js'
import type { Route, Target } from './route.js'
import type { SharedGroup } from './shared/shared-group.js'

export class FanOut {
  readonly #message: PublishMessage
  readonly #targets: readonly Target[]
  readonly #groups: readonly SharedGroup[]
  readonly #deliverShared: (message: PublishMessage, group: SharedGroup) => void
  /** Sessions that get the message in the same way share one copy, and so its encoding. */
  readonly #common: (Delivery | undefined)[] = []
  #next = 0
  #lastRun = 0

  /** @param deliverShared gives the message to one member of a shared group */
  constructor(
    message: PublishMessage,
    { targets, groups }: Pick<Route, 'targets' | 'groups'>,
    deliverShared: (message: PublishMessage, group: SharedGroup) => void,
  ) {
    this.#message = message
    this.#targets = targets
    this.#groups = groups
    this.#deliverShared = deliverShared
  }

  /** Whether every session has its copy. */
  get isDone(): boolean {
    return this.#next >= this.#targets.length + this.#groups.length
  }

  /** The number of sessions that the last call of `run` handled. */
  get lastRun(): number {
    return this.#lastRun
  }

  /** Delivers to the next sessions, at most `limit` of them. */
  run(limit: number): void {
    const targets = this.#targets
    const message = this.#message
    const record = recordOf(message)
    const from = this.#next
    const groups = this.#groups
    const end = Math.min(targets.length + groups.length, from + limit)
    this.#next = end
    this.#lastRun = end - from
    for (let i = from; i < end && i < targets.length; i++) {
      const target = targets[i]!
      const receiver = target.session.id === message.clientId ? target.forPublisher : target
      if (receiver === undefined || !receiver.isLive || isLeftOut(message, record, receiver)) continue
      const { subscriptionIdentifiers } = receiver
      const copy = subscriptionIdentifiers === undefined ? this.#commonCopy(receiver) : liveCopy(message, receiver)
      receiver.session.deliver(copy)
    }
    for (let i = Math.max(from, targets.length); i < end; i++) this.#deliverShared(message, groups[i - targets.length]!)
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
