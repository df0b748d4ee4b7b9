/**
 * The steps that make a subscription, and end one: shared by the packets of a client, the host's own wishes,
 * and a session that is resumed. Must not know who asked.
 */
import type { Subscription } from '../../types/packets.js'
import type { MaybePromise } from '../../types/persistence.js'
import type { Connection } from '../connection/connection.js'
import { AnaxError, wrapError } from '../errors.js'
import { SessionSubscription } from '../model/subscription.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'
import { ReasonCode } from '../reason-codes.js'
import { hasWildcard, isSharedFilter, levelCount } from '../topic/topic.js'
import { isPromise } from '../util/maybe-promise.js'

/** Whether, and how, a subscription may be had: by the broker's own rules, and then by the host's. */
export function askFor(connection: Connection, wanted: Subscription): MaybePromise<Subscription | AnaxError> {
  const { authorizer, options } = connection.ports
  return filterError(options, wanted.topic) ?? authorizer.authorizeSubscribe?.(connection, wanted) ?? wanted
}

/** The subscription as the session gets it. */
export function granted(
  { session, ports }: Connection,
  wanted: Subscription,
  identifier?: number,
): SessionSubscription {
  const { maximumQoS, subscriptionIdentifiersAvailable } = ports.options
  const qos = wanted.qos > maximumQoS ? maximumQoS : wanted.qos // [MQTT-3.2.2-9] has it granted lower, not refused
  return new SessionSubscription(
    session!,
    { ...wanted, qos },
    subscriptionIdentifiersAvailable ? identifier : undefined,
  )
}

/** What is wrong with one filter, by the broker's own rules. */
function filterError(options: ResolvedOptions, filter: string): AnaxError | undefined {
  if (levelCount(filter) > options.maxTopicLevels) {
    return new AnaxError('ANAX_ERR_TOPIC_FILTER', { detail: `more than ${options.maxTopicLevels} levels` })
  }
  if (!options.wildcardSubscriptionAvailable && hasWildcard(filter)) {
    return new AnaxError('ANAX_ERR_WILDCARD_NOT_SUPPORTED')
  }
  if (!options.sharedSubscriptionAvailable && isSharedFilter(filter)) {
    return new AnaxError('ANAX_ERR_SHARED_NOT_SUPPORTED', { reasonCode: ReasonCode.SharedSubscriptionsNotSupported })
  }
  return undefined
}

/** Writes them to the store, where the session is kept. */
export function addSubscriptions(
  { session, ports }: Connection,
  subscriptions: SessionSubscription[],
): MaybePromise<void> {
  if (!session!.stored || subscriptions.length === 0) return undefined
  const stored = ports.store.addSubscriptions(
    { id: session!.id },
    subscriptions.map(subscription => subscription.toJSON()),
  )
  return isPromise(stored) ? stored.then(() => {}) : undefined
}

/** Subscriptions that the bus of the host does not take, and why. */
export type Refusals = ReadonlyMap<SessionSubscription, AnaxError>

/** What became of subscriptions that were made live. */
export interface Routed {
  /** Those that replaced none. */
  fresh: ReadonlySet<SessionSubscription>
  /** Once the bus has answered for each; undefined where nothing is to be waited for. They are live until then. */
  refusals: Promise<Refusals> | undefined
}

/** Makes them live; one of the same filter is replaced [MQTT-3.8.4-3]. */
export function routeSubscriptions({ session, ports }: Connection, subscriptions: SessionSubscription[]): Routed {
  const fresh = new Set<SessionSubscription>()
  const refusals = new Map<SessionSubscription, AnaxError>()
  const pending: Promise<unknown>[] = []
  // a session whose connection ended meanwhile gets them from the store when it is resumed
  if (!session!.isAttached) return { fresh, refusals: undefined }
  for (const subscription of subscriptions) {
    if (!session!.subscriptions.has(subscription.topic)) fresh.add(subscription)
    session!.addSubscription(subscription)
    const added = ports.router.add(subscription)
    if (isPromise(added)) pending.push(added.catch(error => refusals.set(subscription, error)))
  }
  return { fresh, refusals: pending.length === 0 ? undefined : Promise.all(pending).then(() => refusals) }
}

/** Ends those that the bus does not take, unless something else has happened to them meanwhile. */
export async function withdraw(connection: Connection, refusals: Refusals): Promise<void> {
  const { session, ports } = connection
  if (!session!.isAttached) return
  const refused = [...refusals.keys()].filter(each => session!.subscriptions.get(each.topic) === each)
  const topics = refused.map(({ topic }) => topic)
  unroute(connection, topics)
  try {
    await removeStored(connection, topics)
  } catch (error) {
    ports.events.emit('storeError', wrapError('ANAX_ERR_STORE', error))
  }
}

/** Sends the retained messages that they ask for [MQTT-3.3.1-9], [MQTT-3.3.1-10], [MQTT-3.3.1-11]. */
export function replayRetained(
  { session, ports }: Connection,
  subscriptions: SessionSubscription[],
  fresh: ReadonlySet<SessionSubscription>,
): void {
  if (!ports.options.retainAvailable) return
  for (const subscription of subscriptions) {
    const { topic, rh } = subscription
    // shared subscriptions get no retained messages [MQTT 5.0, 4.8.2]
    if (isSharedFilter(topic) || rh === 2 || (rh === 1 && !fresh.has(subscription))) continue
    session!.outgoing?.replay(subscription)
  }
}

/** Takes them out of the store, where there may be one already that is not live yet. */
export function removeStored({ session, ports }: Connection, topics: string[]): MaybePromise<void> {
  if (!session!.stored || topics.length === 0) return undefined
  const removed = ports.store.removeSubscriptions({ id: session!.id }, topics)
  return isPromise(removed) ? removed.then(() => {}) : undefined
}

/** Ends them. @returns per filter whether there was one */
export function unroute({ session, ports }: Connection, topics: string[]): boolean[] {
  return topics.map(topic => {
    const subscription = session!.subscriptions.get(topic)
    if (subscription === undefined) return false
    session!.removeSubscription(topic)
    ports.router.remove(subscription)
    return true
  })
}
