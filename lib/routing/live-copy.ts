/**
 * The copy of a message that a session gets live, and whether it gets one. Must not know how sessions were found.
 */
import type { PublishMessage } from '../codec/publish-message.js'
import { Delivery } from '../model/delivery.js'
import { type Grant, grantedQoS, grantedRetain } from '../model/grant.js'
import type { RoutingRecord } from '../model/routing-record.js'
import type { Target } from './route.js'

/** The copy for one session. @param share the `$share/…` filter it comes through, for a shared subscription */
export function liveCopy(message: PublishMessage, grant: Grant, share?: string): Delivery {
  const qos = grantedQoS(message, grant)
  return new Delivery(message, qos, grantedRetain(message, grant), grant.subscriptionIdentifiers, share)
}

/**
 * Whether a session gets no live copy: because it was withheld, or because the session's queue does not have the
 * message with the QoS of the live subscription. Then the session gets what is in its queue, and nothing else.
 */
export function isLeftOut(message: PublishMessage, record: RoutingRecord | undefined, target: Target): boolean {
  if (record === undefined) return false
  const { session } = target
  if (record.isWithheld(session.id)) return true
  if (!session.stored || message.qos === 0) return false
  // With another QoS than in the queue, it would be sent again as something else after a reconnect.
  if (record.agreesWithQueue(session.id, grantedQoS(message, target))) return false
  session.readStored()
  return true
}
