/**
 * What the stored subscriptions that match a message come to: one copy for each session's queue, as the router
 * makes them for those that are connected. Pure; must not know the store.
 */
import type { QoS } from '../../../types/packets.js'
import type { MatchedSubscription, QueueDelivery } from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import type { SharedChoice } from '../../routing/shared-subscriptions.js'

/** @param isConnected tells for whom a QoS 0 message does not have to wait */
export function deliveriesOf(
  message: PublishMessage,
  matched: readonly MatchedSubscription[],
  isConnected: (clientId: string) => boolean,
): QueueDelivery[] {
  const only = matched[0]
  if (only === undefined) return []
  if (matched.length === 1) return isWanted(message, only, isConnected) ? [deliveryOf(message, only)] : []
  const deliveries = new Map<string, QueueDelivery>()
  for (const subscription of matched) {
    if (!isWanted(message, subscription, isConnected)) continue
    const delivery = deliveryOf(message, subscription)
    const earlier = deliveries.get(delivery.clientId)
    deliveries.set(delivery.clientId, earlier === undefined ? delivery : merge(earlier, delivery))
  }
  return [...deliveries.values()]
}

/** The copy of a shared subscription's member. */
export function sharedDeliveryOf({ member, message, group }: SharedChoice): QueueDelivery {
  const clientId = 'session' in member ? member.session.id : member.clientId
  return { ...deliveryOf(message, { ...optionsOf(member), clientId }), share: group.share }
}

function optionsOf({ topic, qos, rap, subscriptionIdentifier }: SharedChoice['member']) {
  return { topic, qos, rap: rap === true, subscriptionIdentifier }
}

function isWanted(
  message: PublishMessage,
  { clientId, nl }: MatchedSubscription,
  isConnected: (clientId: string) => boolean,
): boolean {
  if (nl === true && clientId === message.clientId) return false // [MQTT-3.8.3-3]
  return message.qos > 0 || !isConnected(clientId)
}

function deliveryOf(message: PublishMessage, subscription: MatchedSubscription): QueueDelivery {
  const { clientId, qos, rap, subscriptionIdentifier } = subscription
  return {
    clientId,
    qos: message.qos < qos ? message.qos : qos,
    retain: message.retain && rap === true,
    subscriptionIdentifiers: subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier],
    share: undefined,
  }
}

function merge(one: QueueDelivery, other: QueueDelivery): QueueDelivery {
  const identifiers = [...(one.subscriptionIdentifiers ?? []), ...(other.subscriptionIdentifiers ?? [])]
  return {
    clientId: one.clientId,
    qos: Math.max(one.qos, other.qos) as QoS, // [MQTT-3.3.4-2]
    retain: one.retain || other.retain,
    subscriptionIdentifiers: identifiers.length > 0 ? identifiers : undefined,
    share: undefined,
  }
}
