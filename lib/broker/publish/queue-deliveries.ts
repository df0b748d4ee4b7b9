/**
 * The copies of a message for the queues of stored sessions: one for each session, whatever subscriptions match.
 * Pure; must not know the store.
 */
import type { MatchedSubscription, QueueDelivery } from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import { type Grant, grantedQoS, grantedRetain, grantOf, mergeGrants } from '../../model/grant.js'
import type { SharedChoice } from '../../model/routing-record.js'
import { clientIdOf } from '../../routing/shared/shared-group.js'

/** The table of connected clients, as this part sees it. */
export interface Connected {
  has(clientId: string): boolean
}

/** @param connected the connected clients, for which a QoS 0 message does not have to be queued */
export function deliveriesOf(
  message: PublishMessage,
  matched: readonly MatchedSubscription[],
  connected: Connected,
): QueueDelivery[] {
  const only = matched[0]
  if (only === undefined) return []
  if (matched.length === 1) {
    return isWanted(message, only, connected) ? [deliveryOf(message, only.clientId, grantOf(only), undefined)] : []
  }
  const copies = new QueueCopies(message, connected)
  copies.add(matched)
  return copies.next(Number.POSITIVE_INFINITY)
}

/** The same in parts, for very many subscriptions: first all are added, then the copies are read. */
export class QueueCopies {
  readonly #message: PublishMessage
  readonly #connected: Connected
  /** By client identifier. */
  readonly #grants = new Map<string, Grant>()
  #left: Iterator<[string, Grant]> | undefined

  constructor(message: PublishMessage, connected: Connected) {
    this.#message = message
    this.#connected = connected
  }

  add(matched: readonly MatchedSubscription[]): void {
    const grants = this.#grants
    for (const subscription of matched) {
      if (!isWanted(this.#message, subscription, this.#connected)) continue
      const { clientId } = subscription
      const earlier = grants.get(clientId)
      const grant = grantOf(subscription)
      grants.set(clientId, earlier === undefined ? grant : mergeGrants(earlier, grant))
    }
  }

  /** Whether a session has a copy. */
  has(clientId: string): boolean {
    return this.#grants.has(clientId)
  }

  /** The next copies, at most `limit`; empty when all were read. */
  next(limit: number): QueueDelivery[] {
    this.#left ??= this.#grants.entries()
    const deliveries: QueueDelivery[] = []
    while (deliveries.length < limit) {
      const { value, done } = this.#left.next()
      if (done === true) break
      deliveries.push(deliveryOf(this.#message, value[0], value[1], undefined))
    }
    return deliveries
  }
}

/** The copy of a shared subscription's member. */
export function sharedDeliveryOf({ member, message, group }: SharedChoice): QueueDelivery {
  return deliveryOf(message, clientIdOf(member), grantOf(member), group.share)
}

function isWanted(message: PublishMessage, { clientId, nl }: MatchedSubscription, connected: Connected): boolean {
  if (nl === true && clientId === message.clientId) return false // [MQTT-3.8.3-3]
  return message.qos > 0 || !connected.has(clientId)
}

function deliveryOf(message: PublishMessage, clientId: string, grant: Grant, share: string | undefined): QueueDelivery {
  const { subscriptionIdentifiers } = grant
  return {
    clientId,
    qos: grantedQoS(message, grant),
    retain: grantedRetain(message, grant),
    subscriptionIdentifiers,
    share,
  }
}
