/**
 * The host's requests to one client's connection: publish, subscribe, unsubscribe, disconnect. Owns the checks of
 * their arguments, and the steps of each. Must not know in which style the host wants the answer.
 */
import type { DisconnectOptions, PublishInput, UnsubscribeInput } from '../../../types/client/client.js'
import type { DisconnectProperties, Subscription } from '../../../types/message/packets.js'
import type { MaybePromise } from '../../../types/persistence.js'
import { AnaxError, textOf, wrapError } from '../../errors.js'
import { Delivery } from '../../model/delivery.js'
import { messageOfInput, startExpiry } from '../../model/message.js'
import { SessionSubscription } from '../../model/subscription.js'
import { ReasonCode } from '../../reason-codes.js'
import {
  deleteStoredSubscriptions,
  endRefusedSubscriptions,
  grantedFilters,
  keepGrantedFilters,
  replayRetained,
  routeSubscriptions,
  storeSubscriptions,
  unrouteSubscriptions,
} from '../../session/subscribing.js'
import { isTopicFilter } from '../../topic/topic.js'
import { isPromise } from '../../util/maybe-promise.js'
import type { Channel } from '../channel.js'

/** Sends a message to this client alone. */
export async function publishTo(channel: Channel, input: PublishInput): Promise<void> {
  const { ports } = channel
  const session = connectedSession(channel)
  const message = messageOfInput(input, ports.options.maxTopicLevels)
  startExpiry(message, ports.timers.wallTime())
  const { qos, retain } = message
  if (qos === 0 || !session.stored) {
    session.deliver(new Delivery(message, qos, retain, undefined, undefined))
    await session.pressure?.untilCalm()
    return
  }
  const copy = { clientId: session.id, qos, retain, subscriptionIdentifiers: undefined, share: undefined }
  await withStoreError(() => ports.sink.enqueue(message, copy))
  session.readStored()
}

/** Subscribes a client without calling `authorizeSubscribe`. */
export async function subscribeClient(
  channel: Channel,
  input: Subscription | Subscription[] | { subscriptions: Subscription[] },
): Promise<void> {
  const session = connectedSession(channel)
  const subscriptions = toSubscriptions(input).map(subscription => {
    const { topic, qos } = subscription ?? {}
    if (typeof topic !== 'string' || !isTopicFilter(topic))
      throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `not a topic filter: ${topic}` })
    if (qos !== 0 && qos !== 1 && qos !== 2) throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `qos: ${String(qos)}` })
    return new SessionSubscription(session, subscription)
  })
  const change = session.changes.begin()
  try {
    const stored = withStoreError(() => storeSubscriptions(session, subscriptions))
    // without `await` where possible: the store and the live subscriptions should not differ even for a moment
    if (isPromise(stored)) await stored
    if (change.turn !== undefined) await change.turn
    await makeLive(channel, subscriptions)
  } finally {
    change.done()
  }
}

async function makeLive(channel: Channel, subscriptions: SessionSubscription[]): Promise<void> {
  const session = channel.session!
  const { fresh, refusals } = routeSubscriptions(session, subscriptions)
  const refused = await refusals
  if (refused !== undefined && refused.size > 0) await endRefusedSubscriptions(session, refused)
  session.readStored()
  const granted = subscriptions.filter(each => !refused?.has(each))
  const told = granted.map(subscription => subscription.toJSON())
  if (told.length > 0) channel.ports.events.emit('subscribe', told, channel.client)
  replayRetained(session, granted, fresh)
  for (const error of refused?.values() ?? []) throw error
}

/** Ends subscriptions of a client: by the filters that it asked for, or was granted. */
export async function unsubscribeClient(channel: Channel, input: UnsubscribeInput): Promise<void> {
  const session = connectedSession(channel)
  const requested = toTopics(input)
  const granted = grantedFilters(session, requested)
  const topics = granted.flat()
  const change = session.changes.begin()
  try {
    const removed = withStoreError(() => deleteStoredSubscriptions(session, topics))
    if (isPromise(removed)) await removed
    if (change.turn !== undefined) await change.turn
    unrouteSubscriptions(session, topics)
  } catch (error) {
    keepGrantedFilters(session, requested, granted)
    throw error
  } finally {
    change.done()
  }
  channel.ports.events.emit('unsubscribe', requested, channel.client)
}

/** Ends the connection as an administrative action. */
export async function disconnectClient(channel: Channel, options: DisconnectOptions): Promise<void> {
  const { reasonCode = ReasonCode.AdministrativeAction, will = 'publish', ...explanation } = options
  if (will !== 'publish' && will !== 'discard') {
    const detail = `will has to be 'publish' or 'discard', got ${textOf(will)}`
    throw new AnaxError('ANAX_ERR_ARGUMENT', { detail })
  }
  const properties: DisconnectProperties = explanation
  const ended = channel.disconnect(new AnaxError('ANAX_ERR_KICKED', { reasonCode }), properties, will)
  // the caller may be a hook of this client: the connection ends once that hook has answered
  if (!channel.ports.authorizer.isAsking(channel.client)) await ended
}

function connectedSession(channel: Channel) {
  if (!channel.connected) throw new AnaxError('ANAX_ERR_NOT_CONNECTED')
  return channel.session!
}

function withStoreError(operation: () => MaybePromise<void>): MaybePromise<void> {
  const failed = (error: unknown): never => {
    throw wrapError('ANAX_ERR_STORE', error)
  }
  try {
    const outcome = operation()
    return isPromise(outcome) ? outcome.catch(failed) : undefined
  } catch (error) {
    return failed(error)
  }
}

function toSubscriptions(input: Subscription | Subscription[] | { subscriptions: Subscription[] }): Subscription[] {
  if (Array.isArray(input)) return input
  assertObject(input, 'a subscription is an object with topic and qos')
  return 'subscriptions' in input ? toSubscriptions(input.subscriptions) : [input]
}

function toTopics(input: UnsubscribeInput): string[] {
  if (typeof input === 'string') return [input]
  if (Array.isArray(input)) return input.flatMap(toTopics)
  assertObject(input, 'what ends is a filter, or an object with a topic')
  if ('unsubscriptions' in input) return input.unsubscriptions
  return 'subscriptions' in input ? toTopics(input.subscriptions) : [input.topic]
}

function assertObject(value: unknown, detail: string): void {
  if (typeof value !== 'object' || value === null) throw new AnaxError('ANAX_ERR_ARGUMENT', { detail })
}
