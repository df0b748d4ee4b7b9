/**
 * Routes messages through shared subscriptions: which member of a group gets one, live or in its stored queue, and who
 * gets what a member has not finished. Owns the groups; must not know how topics are matched.
 */

import type { SharedStrategy } from '../../../types/broker/options.js'
import type { Message } from '../../../types/message/message.js'
import type {
  MatchedSubscription,
  MaybeAsyncIterable,
  QueueDelivery,
  QueuedMessage,
} from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import type { Delivery } from '../../model/delivery.js'
import { grantedQoS, grantOf } from '../../model/grant.js'
import { copyOf } from '../../model/message.js'
import { ensureRecord, recordOf, type SharedChoice } from '../../model/routing-record.js'
import type { SharedDelivery } from '../../model/shared-delivery.js'
import type { Subscriber } from '../../model/subscriber.js'
import { SessionSubscription } from '../../model/subscription.js'
import { isLeftOut, liveCopy } from '../live-copy.js'
import type { Route, Target } from '../route.js'
import { Redelivery } from './redelivery.js'
import { clientIdOf, type OfflineMember, SharedGroup } from './shared-group.js'

export interface SharedRoutingOptions {
  sharedStrategy: SharedStrategy
  /** Numbers a copy of a message. */
  number(message: PublishMessage): void
  /** Appends a copy to the stored queue of a member. Never throws. */
  enqueue(message: PublishMessage, delivery: QueueDelivery): void
  /**
   * Whether something else than the router decides which node gets a message of a shared subscription. {@link
   * SharedRouter.memberFor} then chooses among the members here.
   */
  hasForeignGroups?: boolean
  /** Called for a message that the client did not get and that no other member can get. */
  undeliverable(message: Message, clientId: string): void
}

/** The owner of the groups. */
export interface GroupOwner {
  /** Called when a group gets its first member. */
  groupBegins(group: SharedGroup): void
  /** Called when a group loses its last member. */
  groupEnds(group: SharedGroup): void
  /** Called when a connected client joins or leaves a group. */
  countLive(session: Subscriber, change: 1 | -1): void
}

export class SharedRouter {
  readonly #groups = new Map<string, SharedGroup>()
  readonly #options: SharedRoutingOptions
  readonly #owner: GroupOwner
  readonly #redelivery: Redelivery
  #members = 0

  constructor(options: SharedRoutingOptions, owner: GroupOwner) {
    this.#options = options
    this.#owner = owner
    this.#redelivery = new Redelivery({
      redeliver: (clientId, deliveries) => this.redeliver(clientId, deliveries),
      undeliverable: options.undeliverable,
    })
  }

  /** The number of groups. */
  get groups(): number {
    return this.#groups.size
  }

  /** The number of members, connected or not. */
  get members(): number {
    return this.#members
  }

  /** Adds the subscription of a connected client to its group. */
  join(subscription: SessionSubscription): SharedGroup {
    const group = this.#group(subscription.topic)
    this.#change(group, subscription.session.id, () => group.join(subscription))
    return group
  }

  /** Adds a shared subscription of a stored session whose client is not connected, or whose client has left. */
  joinOffline(member: OfflineMember): void {
    const group = this.#group(member.topic)
    this.#change(group, member.clientId, () => group.joinOffline(member))
  }

  /** Ends a member's subscription, connected or not. */
  leave({ topic, clientId }: Pick<MatchedSubscription, 'topic' | 'clientId'>): void {
    const group = this.#groups.get(topic)
    if (group === undefined) return
    this.#change(group, clientId, () => group.leave(clientId))
    if (group.size > 0) return
    this.#groups.delete(topic)
    this.#owner.groupEnds(group)
  }

  /**
   * Chooses the members before the message is stored, so that it is stored for those members.
   * @param isQueued whether a client's queue gets it for subscriptions of its own
   * @param among whether members that are not connected count: for a message of another broker that broker has chosen
   *   among those
   * @returns the choices of members whose sessions are stored
   */
  choose(
    message: PublishMessage,
    { groups, targets }: Route,
    isQueued: (clientId: string) => boolean,
    among: 'connected' | 'all',
  ): SharedChoice[] {
    const chosen = new Set<string>()
    const choices: SharedChoice[] = []
    for (const group of groups) {
      const connected = group.choose(message, this.#options.sharedStrategy)
      const member = connected ?? (among === 'connected' ? undefined : group.chooseOffline())
      if (member === undefined) continue
      const clientId = clientIdOf(member)
      // A queue has one copy for each number.
      const isTaken = isQueued(clientId) || chosen.has(clientId) || isStoredTarget(member, targets)
      choices.push({ group, member, message: isTaken ? this.#numberedCopy(message) : message })
      chosen.add(clientId)
    }
    ensureRecord(message).choose(choices)
    return choices.filter(({ member }) => !(member instanceof SessionSubscription) || member.session.stored)
  }

  /** The member here that gets a message of a shared subscription. @param share the whole `$share/…` filter */
  memberFor(share: string, message: PublishMessage): SessionSubscription | undefined {
    return this.#groups.get(share)?.choose(message, this.#options.sharedStrategy)
  }

  /** Gives a message to one member of a group: to the one that was chosen before, if it can still get it. */
  deliver(message: PublishMessage, group: SharedGroup): void {
    if (this.#options.hasForeignGroups === true) return
    const record = recordOf(message)
    const chosen = record?.choiceOf(group)
    if (chosen !== undefined) {
      const { member } = chosen
      if (group.isLive(member)) {
        deliverChosen(chosen.message, member, group.share)
        return
      }
      // The member's client has disconnected since, or was not connected. If it has a queue, the message is there.
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
    else this.#giveTo(member, this.#anotherCopy(message, member), group.share)
  }

  /** Gives the unfinished messages of a member to other members. */
  redeliver(clientId: string, deliveries: SharedDelivery[]): void {
    for (const { message, share } of deliveries) {
      const group = this.#groups.get(share)
      const member =
        group?.choose(message, this.#options.sharedStrategy, clientId) ??
        (message.qos > 0 ? group?.chooseOffline(clientId) : undefined)
      if (member === undefined) this.#options.undeliverable(message, clientId)
      else this.#giveTo(member, this.#numberedCopy(message), share)
    }
  }

  /**
   * Processes the queue of a session that ends: messages of shared subscriptions go to other members, other unsent
   * messages are dropped. Rejects if the queue cannot be read.
   */
  emptyQueue(queue: MaybeAsyncIterable<QueuedMessage>, clientId: string): Promise<void> {
    return this.#redelivery.empty(queue, clientId)
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
   * A second copy for one session. With QoS 0 it keeps its place among the messages of its publisher, as no queue has
   * it.
   */
  #anotherCopy(message: PublishMessage, member: SessionSubscription): PublishMessage {
    if (grantedQoS(message, member) > 0) return this.#numberedCopy(message)
    const { brokerId, brokerCounter } = message
    return Object.assign(copyOf(message), { brokerId, brokerCounter })
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
      this.#owner.groupBegins(group)
    }
    return group
  }

  #change(group: SharedGroup, clientId: string, change: () => void): void {
    const before = group.memberOf(clientId)
    this.#members -= group.size
    change()
    this.#members += group.size
    const after = group.memberOf(clientId)
    if (before !== undefined) this.#owner.countLive(before.session, -1)
    if (after !== undefined) this.#owner.countLive(after.session, 1)
  }
}

function deliverChosen(message: PublishMessage, member: SessionSubscription, share: string): void {
  if (recordOf(message)?.isWithheld(member.session.id)) return
  member.session.deliver(liveCopy(message, member, share))
}

/** Whether a member of a group, of a stored session, gets the message for a subscription of its own as well. */
function isStoredTarget(member: SessionSubscription | OfflineMember, targets: readonly Target[]): boolean {
  if (!(member instanceof SessionSubscription) || !member.session.stored) return false
  return targets.some(({ session }) => session === member.session)
}
