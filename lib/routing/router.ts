/**
 * From a message on the bus to the sessions that get it: matches once, and gives each session one copy with
 * the highest QoS and all its subscription identifiers. Owns the live subscriptions; must not know streams.
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Message } from '../../types/message.js'
import type { SharedStrategy } from '../../types/options.js'
import type { QoS } from '../../types/packets.js'
import type {
  MatchedSubscription,
  MaybeAsyncIterable,
  MaybePromise,
  QueueDelivery,
  QueuedMessage,
} from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { Delivery } from '../model/delivery.js'
import { copyOf, refKey } from '../model/message.js'
import type { SharedDelivery } from '../model/shared-delivery.js'
import type { Subscriber } from '../model/subscriber.js'
import { SessionSubscription } from '../model/subscription.js'
import type { SubscriptionRouter } from '../ports/subscription-router.js'
import { FilterTree } from '../topic/filter-tree.js'
import { isSharedFilter } from '../topic/topic.js'
import type { MessageBus } from './bus.js'
import type { HostListener } from './host-listener.js'
import { type Match, Route, type Target } from './route.js'
import { type AwayMember, clientIdOf, type SharedChoice, SharedGroup } from './shared-subscriptions.js'

/** Messages of ending sessions, one or many, that are looked at before the event loop gets its turn. */
const SLICE = 500

export interface RouterOptions {
  sharedStrategy: SharedStrategy
  /** Numbers a copy of a message. */
  number(message: PublishMessage): void
  /** Puts a message that a shared subscription has for somebody else into its stored queue. Never throws. */
  enqueue(message: PublishMessage, delivery: QueueDelivery): void
  /** Told of a message that a client did not get, and that nobody is left for. */
  orphaned(message: Message, clientId: string): void
}

export class Router implements SubscriptionRouter {
  readonly #tree = new FilterTree<Match, Subscriber | SharedGroup | HostListener>()
  readonly #groups = new Map<string, SharedGroup>()
  /** What a match comes to; the tree returns the same array for the same topic until it changes. */
  readonly #routes = new WeakMap<readonly Match[], Route>()
  /** Members that were chosen before the message went to the bus. */
  readonly #choices = new WeakMap<PublishMessage, SharedChoice[]>()
  /** Sessions whose queue could not be read to its end -> what was lost of it so far: that is not told again. */
  readonly #orphans = new Map<string, Set<string>>()
  /** Messages of ending sessions that were looked at. */
  #looked = 0
  readonly #bus: MessageBus
  readonly #options: RouterOptions

  constructor(bus: MessageBus, options: RouterOptions) {
    this.#bus = bus
    this.#options = options
  }

  /** How many subscriptions there are, a shared group counted once. */
  get size(): number {
    return this.#tree.size
  }

  /** Whether there are shared subscriptions. */
  get hasGroups(): boolean {
    return this.#groups.size > 0
  }

  add(subscription: SessionSubscription): MaybePromise<void> {
    const { topic, session } = subscription
    if (isSharedFilter(topic)) {
      const group = this.#group(topic)
      group.join(subscription)
      return this.#bus.registered(group.filter)
    }
    const replaced = this.#tree.add(topic, session, subscription)
    return replaced === undefined ? this.#bus.want(topic) : this.#bus.registered(topic)
  }

  remove(subscription: SessionSubscription): void {
    const { topic, session } = subscription
    if (isSharedFilter(topic)) this.#leave(topic, session.id)
    else if (this.#tree.remove(topic, session) !== undefined) this.#bus.unwant(topic)
  }

  /** A function of the host wants the messages of a filter. Rejects with ANAX_ERR_BUS, as {@link add} does. */
  listen(filter: string, listener: HostListener): MaybePromise<void> {
    this.#tree.add(filter, listener, listener)
    return this.#bus.want(filter)
  }

  unlisten(filter: string, listener: HostListener): void {
    if (this.#tree.remove(filter, listener) !== undefined) this.#bus.unwant(filter)
  }

  /** The client is away, its session is in the store: only its shared subscriptions still count. */
  rest(subscription: SessionSubscription): void {
    if (!isSharedFilter(subscription.topic)) this.remove(subscription)
    else this.restore({ ...subscription.toJSON(), clientId: subscription.session.id })
  }

  /** A shared subscription of a session that is in the store. */
  restore(member: AwayMember): void {
    this.#group(member.topic).rest(member)
  }

  /** A session that was away has ended. */
  forget(member: Pick<MatchedSubscription, 'topic' | 'clientId'>): void {
    if (isSharedFilter(member.topic)) this.#leave(member.topic, member.clientId)
  }

  /** Whether anybody here wants the messages of a topic, or a group that has members away. */
  wants(topic: string): boolean {
    return this.#tree.match(topic).length > 0
  }

  /** The subscriptions of stored sessions that are here, as the store has them; shared ones are not among them. */
  storedHere(topic: string): MatchedSubscription[] {
    const stored: MatchedSubscription[] = []
    for (const match of this.#tree.match(topic)) {
      if (!(match instanceof SessionSubscription) || !match.session.stored || match.qos === 0) continue
      stored.push({ ...match.toJSON(), clientId: match.session.id })
    }
    return stored
  }

  /**
   * Chooses the members of shared subscriptions before the message is stored, so that it is stored for those.
   * @param alreadyQueued whose queue has it for a subscription of their own
   * @param among where members may be: for what another broker published, it chose among those that are away
   * @returns the choices whose sessions the store keeps
   */
  chooseShared(
    message: PublishMessage,
    alreadyQueued: Iterable<string>,
    among: 'here' | 'here and away',
  ): SharedChoice[] {
    const matched = this.#tree.match(message.topic)
    if (matched.length === 0) return []
    const { groups, targets } = this.#route(matched)
    if (groups.length === 0) return []
    const queued = new Set(alreadyQueued)
    const choices: SharedChoice[] = []
    for (const group of groups) {
      const here = group.choose(message, this.#options.sharedStrategy)
      const member = here ?? (among === 'here' ? undefined : group.chooseAway())
      if (member === undefined) continue
      const clientId = clientIdOf(member)
      // a number stands for one copy of each session
      const isTaken = queued.has(clientId) || isStoredTarget(member, targets)
      choices.push({ group, member, message: isTaken ? this.#numberedCopy(message) : message })
      queued.add(clientId)
    }
    this.#choices.set(message, choices)
    return choices.filter(({ member }) => !(member instanceof SessionSubscription) || member.session.stored)
  }

  /** Delivers a message to all who are here; once, whatever the bus does. */
  readonly route = (message: PublishMessage): void => {
    const matched = this.#tree.match(message.topic)
    message.receivers = matched.length
    if (matched.length === 0) return
    const only = matched[0]!
    if (matched.length === 1 && only instanceof SessionSubscription) {
      if (!(only.nl && only.session.id === message.clientId)) this.#deliver(message, only)
      return
    }
    const { targets, groups, listeners } = this.#route(matched)
    this.#deliverToAll(message, targets)
    for (const group of groups) this.#deliverShared(message, group)
    for (const listener of listeners) listener.call(message)
  }

  /** Gives what a member leaves behind to other members. */
  redeliver(clientId: string, deliveries: SharedDelivery[]): void {
    for (const delivery of deliveries) {
      const { message, share } = delivery
      const group = this.#groups.get(share)
      const member =
        group?.choose(message, this.#options.sharedStrategy, clientId) ??
        (message.qos > 0 ? group?.chooseAway(clientId) : undefined)
      if (member === undefined) this.#options.orphaned(message, clientId)
      else this.#giveTo(member, this.#numberedCopy(message), share)
    }
  }

  #giveTo(member: SessionSubscription | AwayMember, message: PublishMessage, share: string): void {
    if (member instanceof SessionSubscription) {
      const delivery = deliveryOf(message, member, share)
      if (delivery.qos > 0 && member.session.stored) this.#enqueue(member.session.id, delivery, message)
      else member.session.deliver(delivery)
    } else {
      const identifiers = member.subscriptionIdentifier === undefined ? undefined : [member.subscriptionIdentifier]
      const target = { qos: member.qos, rap: member.rap === true, subscriptionIdentifiers: identifiers }
      this.#enqueue(member.clientId, deliveryOf(message, target, share), message)
    }
  }

  #enqueue(clientId: string, delivery: Delivery, message: PublishMessage): void {
    const { qos, retain, subscriptionIdentifiers, share } = delivery
    this.#options.enqueue(message, { clientId, qos, retain, subscriptionIdentifiers, share })
  }

  /**
   * Empties the queue of an ending session: what came through shared subscriptions goes to other members
   * [MQTT-4.8.2-4], what else was not sent yet is lost.
   */
  async rescue(queue: MaybeAsyncIterable<QueuedMessage>, clientId: string): Promise<void> {
    const left: SharedDelivery[] = []
    const orphans = this.#orphans.get(clientId) ?? new Set()
    this.#orphans.set(clientId, orphans)
    for await (const { message, ref, delivery, packetId } of queue) {
      if (++this.#looked % SLICE === 0) await nextTurn()
      const key = refKey(ref)
      if (message === undefined || orphans.has(key)) continue
      const { qos, share } = delivery
      const isSent = packetId !== undefined
      // QoS 2 goes to nobody else once it was sent [MQTT-4.8.2-5]
      if (share !== undefined && !(isSent && qos === 2)) left.push({ message, share })
      else if (!isSent) {
        orphans.add(key)
        this.#options.orphaned(message, clientId)
      }
    }
    this.#orphans.delete(clientId)
    this.redeliver(clientId, left)
  }

  #route(matched: readonly Match[]): Route {
    let route = this.#routes.get(matched)
    if (route === undefined) {
      route = new Route(matched)
      this.#routes.set(matched, route)
    }
    return route
  }

  #deliver(message: PublishMessage, target: Target): void {
    if (isLeftOut(message, target)) return
    target.session.deliver(deliveryOf(message, target, undefined))
  }

  /** Receivers who get the message in the same way share one copy, and so its encoding. */
  #deliverToAll(message: PublishMessage, targets: readonly Target[]): void {
    const common: (Delivery | undefined)[] = []
    for (const target of targets) {
      const receiver = target.session.id === message.clientId ? target.forPublisher : target
      if (receiver === undefined || isLeftOut(message, receiver)) continue
      const delivery =
        receiver.subscriptionIdentifiers === undefined ? sharedDelivery(common, message, receiver) : undefined
      receiver.session.deliver(delivery ?? deliveryOf(message, receiver, undefined))
    }
  }

  #deliverShared(message: PublishMessage, group: SharedGroup): void {
    const chosen = this.#choices.get(message)?.find(choice => choice.group === group)
    if (chosen !== undefined) {
      if (group.isLive(chosen.member)) {
        this.#deliverChosen(chosen.message, chosen.member, group.share)
        return
      }
      // it is in the queue of a session that is away, or was until now
      const { member } = chosen
      const isStored = !(member instanceof SessionSubscription) || member.session.stored
      if (isStored) {
        group.live(member)?.session.readStored()
        return
      }
    }
    const member = group.choose(message, this.#options.sharedStrategy)
    if (member === undefined) {
      if (chosen !== undefined) this.#options.orphaned(message, clientIdOf(chosen.member))
      return
    }
    if (!isLeftOut(message, member)) member.session.deliver(deliveryOf(message, member, group.share))
    else this.#giveTo(member, this.#numberedCopy(message), group.share)
  }

  #deliverChosen(message: PublishMessage, member: SessionSubscription, share: string): void {
    if (message.withheldFrom?.has(member.session.id)) return
    member.session.deliver(deliveryOf(message, member, share))
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
      this.#bus.want(group.filter)
    }
    return group
  }

  #leave(share: string, clientId: string): void {
    const group = this.#groups.get(share)
    if (group === undefined) return
    group.leave(clientId)
    if (!group.isEmpty) return
    this.#groups.delete(share)
    this.#tree.remove(group.filter, group)
    this.#bus.unwant(group.filter)
  }
}

/**
 * Whether a session gets no live copy: its queue was too full, or it had the message from there already, or its live
 * subscription and the one that the message was stored for are not the same yet. Then what is in its queue comes from
 * there, and nothing else comes.
 */
function isLeftOut({ withheldFrom, queuedFor, qos }: PublishMessage, { session, qos: granted }: Target): boolean {
  if (withheldFrom?.has(session.id)) return true
  if (queuedFor === undefined || !session.stored || qos === 0) return false
  const live = qos < granted ? qos : granted
  // with another QoS than in the queue, it would be sent again as something else
  if (queuedFor.get(session.id) === (live > 0 ? live : undefined)) return false
  session.readStored()
  return true
}

/** Whether a member of a group whose session is stored gets the message for itself as well. */
function isStoredTarget(member: SessionSubscription | AwayMember, targets: readonly Target[]): boolean {
  if (!(member instanceof SessionSubscription) || !member.session.stored) return false
  return targets.some(({ session }) => session === member.session)
}

function deliveryOf(
  message: PublishMessage,
  target: Pick<Target, 'qos' | 'rap' | 'subscriptionIdentifiers'>,
  share: string | undefined,
): Delivery {
  const qos = message.qos < target.qos ? message.qos : target.qos // [MQTT-3.8.4-8]
  return new Delivery(message, qos, message.retain && target.rap, target.subscriptionIdentifiers, share)
}

function sharedDelivery(common: (Delivery | undefined)[], message: PublishMessage, target: Target): Delivery {
  const qos: QoS = message.qos < target.qos ? message.qos : target.qos
  const slot = qos * 2 + (message.retain && target.rap ? 1 : 0)
  let delivery = common[slot]
  if (delivery === undefined) {
    delivery = deliveryOf(message, target, undefined)
    common[slot] = delivery
  }
  return delivery
}
