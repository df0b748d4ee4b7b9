/**
 * From a message on the bus to the sessions that get it: matches once, and gives each session one copy with the highest
 * QoS and all its subscription identifiers. Owns the live subscriptions; must not know streams.
 */
import type { Message } from '../../types/message.js'
import type { SharedStrategy } from '../../types/options.js'
import type {
  MatchedSubscription,
  MaybeAsyncIterable,
  MaybePromise,
  QueueDelivery,
  QueuedMessage,
} from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import type { Delivery } from '../model/delivery.js'
import { grantOf } from '../model/grant.js'
import { copyOf } from '../model/message.js'
import { ensureRecord, recordOf, type SharedChoice } from '../model/routing-record.js'
import type { SharedDelivery } from '../model/shared-delivery.js'
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
import { Redelivery } from './redelivery.js'
import type { Match, Route, Target } from './route.js'
import { clientIdOf, type OfflineMember, SharedGroup } from './shared-subscriptions.js'
import { TopicRoutes } from './topic-routes.js'

/** Sessions that a message is delivered to before anybody looks whether the turn is used up. */
const SLICE = 64

/** With such a payload the budget is checked for each session: the system copies it for each of them. */
const LARGE_PAYLOAD_BYTES = 64 * 1024

export interface RouterOptions {
  /** Limits the work of each turn of the event loop. */
  fairness: Fairness
  sharedStrategy: SharedStrategy
  /** Numbers a copy of a message. */
  number(message: PublishMessage): void
  /** Puts a copy for the member of a shared subscription into its stored queue. Never throws. */
  enqueue(message: PublishMessage, delivery: QueueDelivery): void
  /**
   * Who chooses the node of a shared subscription, if it is not the router: then {@link Router.memberFor} has the
   * member.
   */
  hasForeignGroups?: boolean
  /** Called for a message that the client did not get and that no other member can get. */
  undeliverable(message: Message, clientId: string): void
}

export class Router implements SubscriptionRouter {
  readonly #routes: TopicRoutes
  readonly #tree: TopicRoutes['tree']
  readonly #groups = new Map<string, SharedGroup>()
  readonly #interests: Interests
  readonly #options: RouterOptions
  readonly #redelivery: Redelivery
  readonly #counts = { live: 0, liveStored: 0, shared: 0 }
  readonly #deliveries: Deliveries

  constructor(interests: Interests, options: RouterOptions) {
    this.#interests = interests
    this.#options = options
    this.#routes = new TopicRoutes(options.fairness)
    this.#tree = this.#routes.tree
    this.#deliveries = new Deliveries(options.fairness, message => this.#begin(message))
    this.#redelivery = new Redelivery({
      redeliver: (clientId, deliveries) => this.redeliver(clientId, deliveries),
      undeliverable: options.undeliverable,
    })
  }

  /** How many subscriptions there are, a shared group counted once. */
  get size(): number {
    return this.#tree.size
  }

  /** How many subscriptions connected clients have, each member of a shared group counted. */
  get liveSubscriptions(): number {
    return this.#counts.live
  }

  /** How many of them belong to sessions that the store keeps. */
  get liveStoredSubscriptions(): number {
    return this.#counts.liveStored
  }

  /** How many groups of shared subscriptions there are. */
  get sharedGroups(): number {
    return this.#groups.size
  }

  /** How many members they have, connected or not. */
  get sharedSubscriptions(): number {
    return this.#counts.shared
  }

  add(subscription: SessionSubscription): MaybePromise<void> {
    const { topic, session } = subscription
    if (isSharedFilter(topic)) {
      const group = this.#group(topic)
      this.#changeGroup(group, session.id, () => group.join(subscription))
      return this.#interests.registered(group.filter)
    }
    const replaced = this.#tree.add(topic, session, subscription)
    if (replaced === undefined) this.#count(session, 1)
    if (replaced instanceof SessionSubscription && replaced !== subscription) replaced.replaceWith(subscription)
    return replaced === undefined ? this.#interests.want(topic) : this.#interests.registered(topic)
  }

  remove(subscription: SessionSubscription): void {
    const { topic, session } = subscription
    if (isSharedFilter(topic)) {
      this.#leave(topic, session.id)
      return
    }
    const removed = this.#tree.remove(topic, session)
    if (removed === undefined) return
    this.#count(session, -1)
    if (removed instanceof SessionSubscription) removed.end()
    this.#interests.unwant(topic)
  }

  isDelivering(publisherId: string): boolean {
    return this.#deliveries.isUnderWay(publisherId)
  }

  /** A function of the host wants the messages of a filter. Rejects with ANAX_ERR_BUS, as {@link add} does. */
  listen(filter: string, listener: HostListener): MaybePromise<void> {
    this.#tree.add(filter, listener, listener)
    return this.#interests.want(filter)
  }

  unlisten(filter: string, listener: HostListener): void {
    if (this.#tree.remove(filter, listener) !== undefined) this.#interests.unwant(filter)
  }

  /** The client of a stored session has left: of its subscriptions, only the shared ones still count here. */
  suspend(subscription: SessionSubscription): void {
    if (!isSharedFilter(subscription.topic)) this.remove(subscription)
    else this.addOfflineMember({ ...subscription.toJSON(), clientId: subscription.session.id })
  }

  /** Adds a shared subscription of a stored session whose client is not connected. */
  addOfflineMember(member: OfflineMember): void {
    const group = this.#group(member.topic)
    this.#changeGroup(group, member.clientId, () => group.joinOffline(member))
  }

  /** Ends a subscription of a stored session whose client is not connected. */
  removeOfflineMember(member: Pick<MatchedSubscription, 'topic' | 'clientId'>): void {
    if (isSharedFilter(member.topic)) this.#leave(member.topic, member.clientId)
  }

  /** The connected clients with subscriptions of their own that match a topic. One may come several times. */
  *clientsOf(topic: string): Generator<string> {
    for (const match of this.#tree.match(topic)) if (match instanceof SessionSubscription) yield match.session.id
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
   * @param alreadyQueued clients whose queues get it for subscriptions of their own
   * @param among whether members that are not connected count: for a message of another broker that broker has chosen
   *   among those
   * @returns the choices of members whose sessions are stored
   */
  chooseShared(message: PublishMessage, alreadyQueued: Iterable<string>, among: 'connected' | 'all'): SharedChoice[] {
    const matched = this.#tree.match(message.topic)
    if (matched.length === 0) return []
    const { groups, targets } = this.#routes.completeRouteOf(matched)
    if (groups.length === 0) return []
    const queued = new Set(alreadyQueued)
    const choices: SharedChoice[] = []
    for (const group of groups) {
      const connected = group.choose(message, this.#options.sharedStrategy)
      const member = connected ?? (among === 'connected' ? undefined : group.chooseOffline())
      if (member === undefined) continue
      const clientId = clientIdOf(member)
      // A queue has one copy for each number.
      const isTaken = queued.has(clientId) || isStoredTarget(member, targets)
      choices.push({ group, member, message: isTaken ? this.#numberedCopy(message) : message })
      queued.add(clientId)
    }
    ensureRecord(message).choose(choices)
    return choices.filter(({ member }) => !(member instanceof SessionSubscription) || member.session.stored)
  }

  /**
   * Delivers a message to the connected sessions and to the host's listeners.
   * @returns a promise where that takes more than this turn of the event loop; it does not reject
   */
  readonly route = (message: PublishMessage): MaybePromise<void> => {
    const deliveries = this.#deliveries
    if (!deliveries.mayBegin(message)) return deliveries.later(message, undefined)
    const delivering = this.#begin(message)
    if (delivering !== undefined) return deliveries.later(message, delivering)
  }

  /** @returns undefined if everybody has the message */
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

  /** @returns undefined if everybody has the message */
  #beginRoute(message: PublishMessage, matched: readonly Match[]): Delivering | undefined {
    if (matched.length === 0) {
      // Only the publisher of a message with QoS 1 or 2 is told.
      if (message.qos > 0) ensureRecord(message).noteNoSubscribers()
      return undefined
    }
    const only = matched[0]!
    if (matched.length === 1 && only instanceof SessionSubscription) {
      this.#options.fairness.spend(Cost.delivery)
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

  /** @returns undefined if everybody has the message */
  #beginFanOut(message: PublishMessage, route: Route): Delivering | undefined {
    const fanOut = new FanOut(message, route, this.#deliverShared)
    if (this.#fanOut(message, fanOut, route)) return undefined
    return { run: () => this.#fanOut(message, fanOut, route) }
  }

  /** @returns whether everybody has the message */
  #fanOut(message: PublishMessage, fanOut: FanOut, { listeners }: Route): boolean {
    const { fairness } = this.#options
    const slice = message.payload.length < LARGE_PAYLOAD_BYTES ? SLICE : 1
    do {
      fanOut.run(slice)
      fairness.spend(fanOut.lastRun * Cost.delivery)
    } while (!fanOut.isDone && !fairness.isSpent)
    if (!fanOut.isDone) return false
    for (const listener of listeners) listener.call(message)
    return true
  }

  /** The member here that gets a message of a shared subscription. @param share the whole `$share/…` filter */
  memberFor(share: string, message: PublishMessage): SessionSubscription | undefined {
    return this.#groups.get(share)?.choose(message, this.#options.sharedStrategy)
  }

  /** Gives messages that a member has not finished to other members. */
  redeliver(clientId: string, deliveries: SharedDelivery[]): void {
    for (const delivery of deliveries) {
      const { message, share } = delivery
      const group = this.#groups.get(share)
      const member =
        group?.choose(message, this.#options.sharedStrategy, clientId) ??
        (message.qos > 0 ? group?.chooseOffline(clientId) : undefined)
      if (member === undefined) this.#options.undeliverable(message, clientId)
      else this.#giveTo(member, this.#numberedCopy(message), share)
    }
  }

  #giveTo(member: SessionSubscription | OfflineMember, message: PublishMessage, share: string): void {
    if (member instanceof SessionSubscription) {
      const delivery = liveCopy(message, member, share)
      if (delivery.qos > 0 && member.session.stored) this.#enqueue(member.session.id, delivery, message)
      else member.session.deliver(delivery)
    } else {
      this.#enqueue(member.clientId, liveCopy(message, grantOf(member), share), message)
    }
  }

  #enqueue(clientId: string, delivery: Delivery, message: PublishMessage): void {
    const { qos, retain, subscriptionIdentifiers, share } = delivery
    this.#options.enqueue(message, { clientId, qos, retain, subscriptionIdentifiers, share })
  }

  /**
   * Goes through the queue of a session that ends: messages of shared subscriptions go to other members, others that
   * were not sent are lost. Rejects if the queue cannot be read.
   */
  emptyQueue(queue: MaybeAsyncIterable<QueuedMessage>, clientId: string): Promise<void> {
    return this.#redelivery.empty(queue, clientId)
  }

  #deliver(message: PublishMessage, target: Target): void {
    if (isLeftOut(message, recordOf(message), target)) return
    target.session.deliver(liveCopy(message, target))
  }

  readonly #deliverShared = (message: PublishMessage, group: SharedGroup): void => {
    if (this.#options.hasForeignGroups === true) return
    const record = recordOf(message)
    const chosen = record?.choiceOf(group)
    if (chosen !== undefined) {
      const { member } = chosen
      if (group.isLive(member)) {
        this.#deliverChosen(chosen.message, member, group.share)
        return
      }
      // The member's client has left since, or was not connected. Its queue has the message, if it has one.
      const isStored = !(member instanceof SessionSubscription) || member.session.stored
      if (isStored) {
        group.live(member)?.session.readStored()
        return
      }
    }
    const member = group.choose(message, this.#options.sharedStrategy)
    if (member === undefined) {
      if (chosen !== undefined) this.#options.undeliverable(message, clientIdOf(chosen.member))
      return
    }
    if (!isLeftOut(message, record, member)) member.session.deliver(liveCopy(message, member, group.share))
    else this.#giveTo(member, this.#numberedCopy(message), group.share)
  }

  #deliverChosen(message: PublishMessage, member: SessionSubscription, share: string): void {
    if (recordOf(message)?.isWithheld(member.session.id)) return
    member.session.deliver(liveCopy(message, member, share))
  }

  #numberedCopy(message: SharedDelivery['message']): PublishMessage {
    const copy = copyOf(message)
    this.#options.number(copy)
    return copy
  }

  #group(share: string): SharedGroup {
    let group = this.#groups.get(share)
    if (group === undefined) {
      group = new SharedGroup(share)
      this.#groups.set(share, group)
      this.#tree.add(group.filter, group, group)
      this.#interests.wantGroup(share, group.filter)
    }
    return group
  }

  #changeGroup(group: SharedGroup, clientId: string, change: () => void): void {
    const before = group.memberOf(clientId)
    this.#counts.shared -= group.size
    change()
    this.#counts.shared += group.size
    const after = group.memberOf(clientId)
    if (before !== undefined) this.#count(before.session, -1)
    if (after !== undefined) this.#count(after.session, 1)
  }

  #count({ stored }: Subscriber, change: 1 | -1): void {
    this.#counts.live += change
    if (stored) this.#counts.liveStored += change
  }

  #leave(share: string, clientId: string): void {
    const group = this.#groups.get(share)
    if (group === undefined) return
    this.#changeGroup(group, clientId, () => group.leave(clientId))
    if (group.size > 0) return
    this.#groups.delete(share)
    this.#tree.remove(group.filter, group)
    this.#interests.unwantGroup(share, group.filter)
  }
}

/** Whether a member of a group, of a stored session, gets the message for a subscription of its own as well. */
function isStoredTarget(member: SessionSubscription | OfflineMember, targets: readonly Target[]): boolean {
  if (!(member instanceof SessionSubscription) || !member.session.stored) return false
  return targets.some(({ session }) => session === member.session)
}
