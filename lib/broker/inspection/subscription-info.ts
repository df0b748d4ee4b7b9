/** Finds the subscriptions of one session that match a query, in the order of their filters. */
import type { SubscriptionInfo, SubscriptionQuery } from '../../../types/broker/inspection.js'
import type { Subscription } from '../../../types/message/packets.js'
import { filterMatches, parseShare } from '../../topic/topic.js'
import type { FoundSession } from './session-info.js'

type Wanted = Pick<SubscriptionQuery, 'filter' | 'topic'>

/** The subscriptions that match the query. */
export function subscriptionsOf(found: FoundSession, wanted: Wanted): SubscriptionInfo[] {
  const { clientId, owner } = found
  const subscriptions =
    owner === undefined
      ? found.stored.subscriptions
      : Array.from(owner.session?.subscriptions.values() ?? [], subscription => subscription.toJSON())
  return subscriptions
    .filter(subscription => isWanted(subscription, wanted))
    .sort((one, other) => (one.topic < other.topic ? -1 : 1))
    .map(subscription => ({ ...subscription, clientId, connected: owner !== undefined }))
}

function isWanted({ topic: filter }: Subscription, { filter: wanted, topic }: Wanted): boolean {
  if (wanted !== undefined && filter !== wanted) return false
  return topic === undefined || filterMatches(parseShare(filter)?.filter ?? filter, topic)
}
