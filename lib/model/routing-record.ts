/**
 * The routing of one message: the queues that have it, the clients that get no live copy, the chosen members of shared
 * subscriptions. The only place where this is stored; must not know who writes it, nor the router. A message has no
 * record until there is something to note.
 */
import type { QoS } from '../../types/message/packets.js'
import type { MatchedSubscription, QueueDelivery } from '../../types/persistence.js'
import { attachmentOf, attachTo, type PublishMessage } from '../codec/publish-message.js'
import type { SessionSubscription } from './subscription.js'

/** The member of a shared subscription that gets a message. */
export interface SharedChoice {
  readonly group: { readonly share: string }
  readonly member: SessionSubscription | MatchedSubscription
  /** The message that the member gets: a copy with its own number if the member already has the message. */
  readonly message: PublishMessage
}

const NO_CHOICES: readonly SharedChoice[] = []

/** The record of one message. */
export class RoutingRecord {
  /** Undefined while only the number of another broker's message is known. */
  message: PublishMessage | undefined
  #queueCount = 0
  #queues: Map<string, QoS> | undefined
  #withheld: Set<string> | undefined
  #choices: readonly SharedChoice[] = NO_CHOICES
  #hasSubscribers = true

  constructor(message: PublishMessage | undefined) {
    this.message = message
  }

  /**
   * States that the message may be routed later than it is stored, so that subscriptions may change in between. From
   * now on the record knows which stored sessions have it in their queues: no others get it live, because a copy that
   * the store does not have would be lost with its connection.
   */
  compareQueues(): void {
    this.#queues ??= new Map()
  }

  /** Notes queues that the message is appended to. */
  noteQueues(deliveries: readonly QueueDelivery[]): void {
    this.#queueCount += deliveries.length
    if (this.#queues !== undefined) addQueues(this.#queues, deliveries)
  }

  /** Like {@link compareQueues}, for a message that is already in these queues. */
  compareWith(deliveries: readonly QueueDelivery[]): void {
    this.#queues ??= addQueues(new Map(), deliveries)
  }

  /** Withholds the live copy of a client: its queue is full, or it was already sent the message from there. */
  withhold(clientId: string): void {
    this.#withheld ??= new Set()
    this.#withheld.add(clientId)
  }

  /** Notes the members of shared subscriptions that get the message. */
  choose(choices: readonly SharedChoice[]): void {
    this.#choices = choices
  }

  /** Notes that no subscription matched when the message was routed. */
  noteNoSubscribers(): void {
    this.#hasSubscribers = false
  }

  /** Whether the message is in a queue. */
  get isQueued(): boolean {
    return this.#queueCount > 0
  }

  /** Whether the message has no receiver, neither now nor later. */
  get reachesNobody(): boolean {
    return !this.#hasSubscribers && this.#queueCount === 0
  }

  /** Whether a client gets no live copy. */
  isWithheld(clientId: string): boolean {
    return this.#withheld?.has(clientId) === true
  }

  /** The deliveries to clients that are not withheld. */
  notWithheld(deliveries: QueueDelivery[]): QueueDelivery[] {
    const withheld = this.#withheld
    return withheld === undefined ? deliveries : deliveries.filter(({ clientId }) => !withheld.has(clientId))
  }

  /** Whether a stored session has the message in its queue with this QoS; 0 means not queued. */
  agreesWithQueue(clientId: string, qos: QoS): boolean {
    return this.#queues === undefined || this.#queues.get(clientId) === (qos > 0 ? qos : undefined)
  }

  /** The member of a group that was chosen when the message was stored. */
  choiceOf(group: SharedChoice['group']): SharedChoice | undefined {
    return this.#choices.find(choice => choice.group === group)
  }

  /** Copies with numbers of their own. */
  get copies(): PublishMessage[] {
    return this.#choices.map(({ message }) => message).filter(message => message !== this.message)
  }
}

/** A message's record, if it has one. */
export function recordOf(message: PublishMessage): RoutingRecord | undefined {
  return attachmentOf(message) as RoutingRecord | undefined
}

/** A message's record, which is created if necessary. */
export function ensureRecord(message: PublishMessage): RoutingRecord {
  const known = recordOf(message)
  if (known !== undefined) return known
  const record = new RoutingRecord(message)
  attachTo(message, record)
  return record
}

/** Attaches a record that was created before the message arrived. */
export function adoptRecord(message: PublishMessage, record: RoutingRecord): void {
  record.message = message
  attachTo(message, record)
}

/** Leaves out copies for shared subscriptions, which their groups know. */
function addQueues(queues: Map<string, QoS>, deliveries: readonly QueueDelivery[]): Map<string, QoS> {
  for (const { clientId, qos, share } of deliveries) if (share === undefined) queues.set(clientId, qos)
  return queues
}
