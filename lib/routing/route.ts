/**
 * The receivers of one topic: one target per session, the shared groups, the host's listeners. Created once per topic
 * and set of subscriptions; must not know a message.
 */
import type { Grant } from '../model/grant.js'
import type { Subscriber } from '../model/subscriber.js'
import { SessionSubscription } from '../model/subscription.js'
import { HostListener } from './host-listener.js'
import type { SharedGroup } from './shared/shared-group.js'

/** The subscribers of a filter. */
export type Match = SessionSubscription | SharedGroup | HostListener

/** How one session gets the messages of a topic. */
export interface Target extends Grant {
  readonly session: Subscriber
  /** The same for messages that the session published itself: without the No Local ones [MQTT-3.8.3-3]. */
  readonly forPublisher: Target | undefined
  /** False once the subscriptions have ended: a message that is still being delivered is no longer for the session. */
  readonly isLive: boolean
}

/** The receivers of one topic. It is built in steps, and used when it is complete. */
export class Route {
  readonly targets: Target[] = []
  readonly groups: SharedGroup[] = []
  readonly listeners: HostListener[] = []
  readonly #matched: readonly Match[]
  /** The number of matches that were added. */
  #built = 0
  /** Session -> its index in `targets`. */
  #places: Map<Subscriber, number> | undefined = new Map()

  constructor(matched: readonly Match[]) {
    this.#matched = matched
  }

  get isComplete(): boolean {
    return this.#places === undefined
  }

  /** Adds at most `limit` matches. @returns how many it added */
  build(limit: number): number {
    const places = this.#places
    if (places === undefined) return 0
    const matched = this.#matched
    const from = this.#built
    const end = Math.min(matched.length, from + limit)
    for (let i = from; i < end; i++) {
      const match = matched[i]!
      if (match instanceof SessionSubscription) this.#addTarget(match, places)
      else if (match instanceof HostListener) this.listeners.push(match)
      else this.groups.push(match)
    }
    this.#built = end
    if (end === matched.length) this.#places = undefined
    return end - from
  }

  #addTarget(subscription: SessionSubscription, places: Map<Subscriber, number>): void {
    const { targets } = this
    const place = places.get(subscription.session)
    if (place === undefined) {
      places.set(subscription.session, targets.length)
      targets.push(subscription)
      return
    }
    const target = targets[place]!
    if (target instanceof MergedTarget) target.add(subscription)
    else targets[place] = MergedTarget.of([target as SessionSubscription, subscription])
  }
}

/** Several subscriptions of one session. */
class MergedTarget implements Target {
  readonly session: Subscriber
  qos: Grant['qos'] = 0
  rap = false
  subscriptionIdentifiers: number[] | undefined
  readonly #subscriptions: SessionSubscription[] = []
  /** The members without No Local, if other members have it. */
  #local: MergedTarget | undefined

  constructor(session: Subscriber) {
    this.session = session
  }

  static of(subscriptions: readonly [SessionSubscription, ...SessionSubscription[]]): MergedTarget {
    const target = new MergedTarget(subscriptions[0].session)
    for (const subscription of subscriptions) target.add(subscription)
    return target
  }

  add(subscription: SessionSubscription): void {
    if (subscription.nl && this.#local === undefined) this.#separateLocal()
    if (!subscription.nl) this.#local?.add(subscription)
    const { qos, rap, subscriptionIdentifier } = subscription
    if (qos > this.qos) this.qos = qos
    if (rap) this.rap = true
    if (subscriptionIdentifier !== undefined) {
      this.subscriptionIdentifiers ??= []
      this.subscriptionIdentifiers.push(subscriptionIdentifier)
    }
    this.#subscriptions.push(subscription)
  }

  #separateLocal(): void {
    this.#local = new MergedTarget(this.session)
    for (const subscription of this.#subscriptions) this.#local.add(subscription)
  }

  get forPublisher(): Target | undefined {
    if (this.#local === undefined) return this
    return this.#local.#subscriptions.length === 0 ? undefined : this.#local
  }

  get isLive(): boolean {
    return this.#subscriptions.some(({ isLive }) => isLive)
  }
}
