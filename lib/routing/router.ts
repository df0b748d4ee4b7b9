/**
 * From a message on the bus to the sessions that get it: matches once, and gives each session one copy with the highest
 * QoS and all its subscription identifiers. Owns the live subscriptions; must not know streams, nor how a member of a
 * shared subscription is chosen.
 */
import type { MatchedSubscription, MaybePromise } from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { ensureRecord, recordOf, type SharedChoice } from '../model/routing-record.js'
import type { Subscriber } from '../model/subscriber.js'
import { SessionSubscription } from '../model/subscription.js'
import type { SubscriptionRouter } from '../ports/subscription-router.js'
import { isSharedFilter } from '../topic/topic.js'
import { Cost, type Fairness } from '../util/scheduling/fairness.js'
import type { Interests } from './bus/interests.js'
import { Deliveries, type Delivering, inSteps } from './deliveries.js'
import { FanOut } from './fan-out.js'
import type { HostListener } from './host-listener.js'
import { isLeftOut, liveCopy } from './live-copy.js'
import type { Match, Route, Target } from './route.js'
import { SharedGroup } from './shared/shared-group.js'
import { SharedRouter, type SharedRoutingOptions } from './shared/shared-router.js'
import { TopicRoutes } from './topic-routes.js'

/** Sessions that a message is delivered to before the budget of the turn is checked. */
const SLICE = 64

/** With such a payload the budget is checked for each session: the system copies it for each of them. */
const LARGE_PAYLOAD_BYTES = 64 * 1024

export interface RouterOptions extends SharedRoutingOptions {
  /** Limits the work of each turn of the event loop. */
  fairness: Fairness
  /** Called when no message of a publisher is being delivered any more; undefined for the host. */
  caughtUp(publisherId: string | undefined): void
}

export class Router implements SubscriptionRouter {
  readonly #routes: TopicRoutes
  readonly #tree: TopicRoutes['tree']
  /** Groups of shared subscriptions. */
  readonly shared: SharedRouter
  readonly #interests: Interests
  readonly #fairness: Fairness
  readonly #counts = { live: 0, liveStored: 0 }
  readonly #deliveries: Deliveries

  constructor(interests: Interests, options: RouterOptions) {
    this.#interests = interests
    this.#fairness = options.fairness
    this.#routes = new TopicRoutes(options.fairness)
    this.#tree = this.#routes.tree
    this.#deliveries = new Deliveries(options.fairness, message => this.#begin(message), options.caughtUp)
    this.shared = new SharedRouter(options, {
      groupBegins: group => {
        this.#tree.add(group.filter, group, group)
        interests.wantGroup(group.share, group.filter)
      },
      groupEnds: group => {
        this.#tree.remove(group.filter, group)
        interests.unwantGroup(group.share, group.filter)
      },
      countLive: (session, change) => this.#count(session, change),
    })
  }

  /** The number of subscriptions; a shared group counts once. */
  get size(): number {
    return this.#tree.size
  }

  /** The number of subscriptions of connected clients; each member of a shared group counts. */
  get liveSubscriptions(): number {
    return this.#counts.live
  }

  /** The number of those whose sessions the store keeps. */
  get liveStoredSubscriptions(): number {
    return this.#counts.liveStored
  }

  add(subscription: SessionSubscription): MaybePromise<void> {
    const { topic, session } = subscription
    if (isSharedFilter(topic)) {
      const { filter } = this.shared.join(subscription)
      return this.#interests.registered(filter)
    }
    const replaced = this.#tree.add(topic, session, subscription)
    if (replaced === undefined) this.#count(session, 1)
    if (replaced instanceof SessionSubscription && replaced !== subscription) replaced.replaceWith(subscription)
    return replaced === undefined ? this.#interests.want(topic) : this.#interests.registered(topic)
  }

  remove(subscription: SessionSubscription): void {
    const { topic, session } = subscription
    if (isSharedFilter(topic)) {
      this.shared.leave({ topic, clientId: session.id })
      return
    }
    const removed = this.#tree.remove(topic, session)
    if (removed === undefined) return
    this.#count(session, -1)
    if (removed instanceof SessionSubscription) removed.end()
    this.#interests.unwant(topic)
  }

  /** Whether messages of a publisher need further turns of the event loop; undefined for the host. */
  isDelivering(publisherId: string | undefined): boolean {
    return this.#deliveries.isUnderWay(publisherId)
  }

  /** Delivers the messages of a filter to a function of the host. Rejects with ANAX_ERR_BUS, as {@link add} does. */
  listen(filter: string, listener: HostListener): MaybePromise<void> {
    this.#tree.add(filter, listener, listener)
    return this.#interests.want(filter)
  }

  unlisten(filter: string, listener: HostListener): void {
    if (this.#tree.remove(filter, listener) !== undefined) this.#interests.unwant(filter)
  }

  /** Suspends a subscription whose client has disconnected: only a shared one still counts here. */
  suspend(subscription: SessionSubscription): void {
    if (!isSharedFilter(subscription.topic)) this.remove(subscription)
    else this.shared.joinOffline({ ...subscription.toJSON(), clientId: subscription.session.id })
  }

  /** The connected clients that may get the messages of a topic. A client may appear several times. */
  *clientsOf(topic: string, members: 'with members' | 'without members' = 'without members'): Generator<string> {
    for (const match of this.#tree.match(topic)) {
      if (match instanceof SessionSubscription) yield match.session.id
      else if (match instanceof SharedGroup && members === 'with members') yield* match.connectedClients
    }
  }

  /** Whether a subscription matches a topic; of those whose clients are not connected, only shared ones count. */
  wants(topic: string): boolean {
    return this.#tree.match(topic).length > 0
  }

  /** The matching subscriptions of stored sessions that are connected, as the store has them, without shared ones. */
  storedHere(topic: string): MatchedSubscription[] {
    const stored: MatchedSubscription[] = []
    for (const match of this.#tree.match(topic)) {
      if (!(match instanceof SessionSubscription) || !match.session.stored || match.qos === 0) continue
      stored.push({ ...match.toJSON(), clientId: match.session.id })
    }
    return stored
  }

  /**
   * Chooses the members of shared subscriptions before the message is stored, so that it is stored for those members.
   * @param isQueued whether the message goes to a client's queue because of its own subscriptions
   * @param among whether members that are not connected count. For a message of another broker they do not, because
   * that broker has chosen among them
   * @returns the choices of members whose sessions are stored
   */
  chooseShared(
    message: PublishMessage,
    isQueued: (clientId: string) => boolean,
    among: 'connected' | 'all',
  ): SharedChoice[] {
    const matched = this.#tree.match(message.topic)
    if (matched.length === 0) return []
    const route = this.#routes.completeRouteOf(matched)
    if (route.groups.length === 0) return []
    return this.shared.choose(message, route, isQueued, among)
  }

  /**
   * Delivers a message to the connected sessions and to the host's listeners.
   * @returns a promise if that takes more than this turn of the event loop; it does not reject
   */
  readonly route = (message: PublishMessage): MaybePromise<void> => {
    const deliveries = this.#deliveries
    if (!deliveries.mayBegin(message)) return deliveries.later(message, undefined)
    const delivering = this.#begin(message)
    if (delivering !== undefined) return deliveries.later(message, delivering)
  }

  /** @returns undefined if all receivers have the message */
  #begin(message: PublishMessage): Delivering | undefined {
    const known = this.#tree.known(message.topic)
    if (known !== undefined) return this.#beginRoute(message, known)
    const search = this.#tree.search(message.topic)
    const found = this.#routes.find(search)
    if (found !== undefined) return this.#beginRoute(message, found)
    return inSteps(
      () => this.#routes.find(search),
      matched => this.#beginRoute(message, matched),
    )
  }

  /** @returns undefined if all receivers have the message */
  #beginRoute(message: PublishMessage, matched: readonly Match[]): Delivering | undefined {
    if (matched.length === 0) {
      // Only publishers of QoS 1 and 2 get this reason code.
      if (message.qos > 0) ensureRecord(message).noteNoSubscribers()
      return undefined
    }
    const only = matched[0]!
    if (matched.length === 1 && only instanceof SessionSubscription) {
      this.#fairness.spend(Cost.delivery)
      if (!(only.nl && only.session.id === message.clientId)) this.#deliver(message, only)
      return undefined
    }
    const route = this.#routes.routeOf(matched)
    if (this.#routes.build(route)) return this.#beginFanOut(message, route)
    return inSteps(
      () => this.#routes.build(route) || undefined,
      () => this.#beginFanOut(message, route),
    )
  }

  /** @returns undefined if all receivers have the message */
  #beginFanOut(message: PublishMessage, route: Route): Delivering | undefined {
    const fanOut = new FanOut(message, route, this.#deliverShared)
    if (this.#fanOut(message, fanOut, route)) return undefined
    return { run: () => this.#fanOut(message, fanOut, route) }
  }

  /** @returns whether all receivers have the message */
  #fanOut(message: PublishMessage, fanOut: FanOut, { listeners }: Route): boolean {
    const fairness = this.#fairness
    const slice = message.payload.length < LARGE_PAYLOAD_BYTES ? SLICE : 1
    do {
      fanOut.run(slice)
      fairness.spend(fanOut.lastRun * Cost.delivery)
    } while (!fanOut.isDone && !fairness.isSpent)
    if (!fanOut.isDone) return false
    for (const listener of listeners) listener.call(message)
    return true
  }

  #deliver(message: PublishMessage, target: Target): void {
    if (isLeftOut(message, recordOf(message), target)) return
    target.session.deliver(liveCopy(message, target))
  }

  readonly #deliverShared = (message: PublishMessage, group: SharedGroup): void => {
    this.shared.deliver(message, group)
  }

  #count({ stored }: Subscriber, change: 1 | -1): void {
    this.#counts.live += change
    if (stored) this.#counts.liveStored += change
  }
}
