/**
 * The steps of subscribing and unsubscribing: authorize, store, make live, send retained messages. Shared by packets of
 * clients, calls of the host and resumed sessions. Must not know the caller.
 */
import type { Client } from '../../types/client/client.js'
import type { Subscription } from '../../types/message/packets.js'
import type { MaybePromise } from '../../types/persistence.js'
import { AnaxError, wrapError } from '../errors.js'
import { ReplacedSubscription, SessionSubscription } from '../model/subscription.js'
import type { Ports } from '../ports/ports.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'
import { ReasonCode } from '../reason-codes.js'
import { hasWildcard, isSharedFilter, levelCount } from '../topic/topic.js'
import { isPromise } from '../util/maybe-promise.js'
import type { Aborter } from '../util/scheduling/aborter.js'
import { Cost } from '../util/scheduling/fairness.js'
import type { Session } from './session.js'

/** Subscriptions that are made live in one step. */
const STEP = 100

/**
 * Checks a subscription against the broker's options, then asks the host.
 * @returns what to grant, or why it is refused
 */
export function authorizeSubscription(
  client: Client,
  { authorizer, options }: Ports,
  requested: Subscription,
): MaybePromise<Subscription | AnaxError> {
  return filterError(options, requested.topic) ?? authorizer.authorizeSubscribe?.(client, requested) ?? requested
}

/**
 * The subscription as it is granted to the session.
 * @param requested the filter that the client asked for
 */
export function grantSubscription(
  session: Session,
  authorized: Subscription,
  requested: string,
  identifier?: number,
): SessionSubscription {
  const { maximumQoS } = session.clientLimits
  const { subscriptionIdentifiersAvailable } = session.ports.options
  // [MQTT-3.2.2-9]: a higher QoS is granted as the maximum, not refused
  const qos = authorized.qos > maximumQoS ? maximumQoS : authorized.qos
  const granted = { ...authorized, qos }
  const number = subscriptionIdentifiersAvailable ? identifier : undefined
  return authorized.topic === requested
    ? new SessionSubscription(session, granted, number)
    : new ReplacedSubscription(session, granted, number, requested)
}

/** The error if the broker's options do not allow a filter. */
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

/** Writes subscriptions to the store, if it keeps the session. */
export function storeSubscriptions(
  { id, stored, ports }: Session,
  subscriptions: readonly SessionSubscription[],
): MaybePromise<void> {
  if (!stored || subscriptions.length === 0) return undefined
  const written = ports.store.addSubscriptions(
    { id },
    subscriptions.map(subscription => subscription.toJSON()),
  )
  return isPromise(written) ? written.then(() => {}) : undefined
}

/** The subscriptions of a resumed session whose client is no longer granted the same ones. */
export interface Reviewed {
  /** Filters that are no longer granted. */
  refused: readonly string[]
  changed: readonly SessionSubscription[]
}

/** Writes them to the store, in as many turns of the event loop as needed. */
export async function storeReviewed(session: Session, { refused, changed }: Reviewed): Promise<void> {
  const { id, ports } = session
  const { fairness, router, store } = ports
  await fairness.eachPart(refused, STEP, async part => {
    fairness.spend(part.length * Cost.filter)
    await store.removeSubscriptions({ id }, part)
    for (const topic of part) router.shared.leave({ topic, clientId: id })
  })
  await fairness.eachPart(changed, STEP, part => {
    fairness.spend(part.length * Cost.filter)
    return storeSubscriptions(session, part)
  })
}

/** Deletes subscriptions from the store, which may have some that are not live yet. */
export function deleteStoredSubscriptions({ id, stored, ports }: Session, topics: string[]): MaybePromise<void> {
  if (!stored || topics.length === 0) return undefined
  const deleted = ports.store.removeSubscriptions({ id }, topics)
  return isPromise(deleted) ? deleted.then(() => {}) : undefined
}

/** Subscriptions whose filters the bus of the host refused, with the errors. */
export type BusRefusals = ReadonlyMap<SessionSubscription, AnaxError>

/** The outcome of making subscriptions live. */
export interface Routed {
  /** Subscriptions that replaced none. */
  fresh: ReadonlySet<SessionSubscription>
  /**
   * Resolves when the bus has answered for each; undefined if there is nothing to wait for. They are live in the
   * meantime.
   */
  refusals: Promise<BusRefusals> | undefined
}

/** Makes subscriptions live. One with the same filter is replaced [MQTT-3.8.4-3]. */
export function routeSubscriptions(session: Session, subscriptions: readonly SessionSubscription[]): Routed {
  const fresh = new Set<SessionSubscription>()
  const refusals = new Map<SessionSubscription, AnaxError>()
  const pending: Promise<unknown>[] = []
  // if the connection has ended meanwhile, the session reads them from the store when it is resumed
  if (!session.isAttached) return { fresh, refusals: undefined }
  session.ports.fairness.spend(subscriptions.length * Cost.filter)
  for (const subscription of subscriptions) {
    if (!session.subscriptions.has(subscription.topic)) fresh.add(subscription)
    session.addSubscription(subscription)
    const added = session.ports.router.add(subscription)
    if (isPromise(added)) pending.push(added.catch(error => refusals.set(subscription, error)))
  }
  return { fresh, refusals: pending.length === 0 ? undefined : Promise.all(pending).then(() => refusals) }
}

/**
 * The same for very many subscriptions, in as many turns of the event loop as needed.
 * @param aborter makes it reject between two turns
 */
export function routeInTurns(
  session: Session,
  subscriptions: readonly SessionSubscription[],
  aborter?: Aborter,
): MaybePromise<Routed> {
  if (subscriptions.length <= STEP) return routeSubscriptions(session, subscriptions)
  return routeSteps(session, subscriptions, aborter)
}

async function routeSteps(
  session: Session,
  subscriptions: readonly SessionSubscription[],
  aborter: Aborter | undefined,
): Promise<Routed> {
  const fresh = new Set<SessionSubscription>()
  const pending: Promise<BusRefusals>[] = []
  await session.ports.fairness.eachPart(subscriptions, STEP, part => {
    aborter?.throwIfAborted()
    const routed = routeSubscriptions(session, part)
    for (const each of routed.fresh) fresh.add(each)
    if (routed.refusals !== undefined) pending.push(routed.refusals)
  })
  const refusals =
    pending.length === 0 ? undefined : Promise.all(pending).then(all => new Map(all.flatMap(each => [...each])))
  return { fresh, refusals }
}

/**
 * The granted filters for the ones that a client requested. Must be called in the order of the packets, before the
 * store is written.
 */
export function grantedFilters(session: Session, requested: readonly string[]): readonly string[][] {
  return requested.map(filter => [filter, ...session.replacements.take(filter)])
}

/** Restores the result of {@link grantedFilters}, because the store failed to delete them. */
export function keepGrantedFilters(session: Session, requested: readonly string[], granted: readonly string[][]): void {
  requested.forEach((filter, index) => {
    session.replacements.giveBack(filter, granted[index]!)
  })
}

/** Ends live subscriptions. @returns for each filter whether there was a subscription */
export function unrouteSubscriptions(session: Session, topics: readonly string[]): boolean[] {
  session.ports.fairness.spend(topics.length * Cost.filter)
  return topics.map(topic => {
    const subscription = session.subscriptions.get(topic)
    if (subscription === undefined) return false
    session.removeSubscription(topic)
    session.ports.router.remove(subscription)
    return true
  })
}

/** Ends the subscriptions that the bus refused, unless they were replaced or ended meanwhile. */
export async function endRefusedSubscriptions(session: Session, refusals: BusRefusals): Promise<void> {
  if (!session.isAttached) return
  const refused = [...refusals.keys()].filter(each => session.subscriptions.get(each.topic) === each)
  const topics = refused.map(({ topic }) => topic)
  unrouteSubscriptions(session, topics)
  try {
    await deleteStoredSubscriptions(session, topics)
  } catch (error) {
    session.ports.events.emit('storeError', wrapError('ANAX_ERR_STORE', error))
  }
}

/** Sends the retained messages that new subscriptions request [MQTT-3.3.1-9], [MQTT-3.3.1-10], [MQTT-3.3.1-11]. */
export function replayRetained(
  session: Session,
  subscriptions: readonly SessionSubscription[],
  fresh: ReadonlySet<SessionSubscription>,
): void {
  if (!session.ports.options.retainAvailable) return
  for (const subscription of subscriptions) {
    const { topic, rh } = subscription
    // shared subscriptions get no retained messages [MQTT 5.0, 4.8.2]
    if (isSharedFilter(topic) || rh === 2 || (rh === 1 && !fresh.has(subscription))) continue
    session.outgoing?.replay(subscription)
  }
}
