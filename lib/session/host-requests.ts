/** What the host asks of one client's connection: publish, subscribe, unsubscribe, disconnect. Checks and carries out. */
import type { DisconnectOptions, PublishInput, UnsubscribeInput } from '../../types/client.js'
import type { DisconnectProperties, Subscription } from '../../types/packets.js'
import { AnaxError, wrapError } from '../errors.js'
import { ReasonCode } from '../reason-codes.js'
import { isTopicFilter } from '../topic/topic.js'
import type { Connection } from './connection.js'
import { Delivery } from './delivery.js'
import { messageOfInput, startExpiry } from './message.js'
import { addSubscriptions, removeStored, replayRetained, routeSubscriptions, unroute } from './subscribing.js'
import { SessionSubscription } from './subscription.js'

/** Sends a message to this client alone. */
export async function publishTo(connection: Connection, input: PublishInput): Promise<void> {
  const { ports } = connection
  const session = connectedSession(connection)
  const message = messageOfInput(input, ports.options.maxTopicLevels)
  startExpiry(message, ports.timers.now())
  const { qos, retain } = message
  if (qos === 0 || !session.stored) {
    session.deliver(new Delivery(message, qos, retain, undefined, undefined))
    return
  }
  const copy = { clientId: session.id, qos, retain, subscriptionIdentifiers: undefined, share: undefined }
  await ports.sink.enqueue(message, copy)
  session.outgoing?.readStored()
}

/** Subscribes a client without asking the host's gate. */
export async function subscribeClient(
  connection: Connection,
  input: Subscription | Subscription[] | { subscriptions: Subscription[] },
): Promise<void> {
  const session = connectedSession(connection)
  const subscriptions = toSubscriptions(input).map(subscription => {
    const { topic, qos } = subscription
    if (!isTopicFilter(topic)) throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `not a topic filter: ${topic}` })
    if (qos !== 0 && qos !== 1 && qos !== 2) throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `qos: ${String(qos)}` })
    return new SessionSubscription(session, subscription)
  })
  await withStoreError(() => addSubscriptions(connection, subscriptions))
  const fresh = routeSubscriptions(connection, subscriptions)
  session.outgoing?.readStored()
  replayRetained(connection, subscriptions, fresh)
}

/** Ends subscriptions of a client. */
export async function unsubscribeClient(connection: Connection, input: UnsubscribeInput): Promise<void> {
  connectedSession(connection)
  const topics = toTopics(input)
  await withStoreError(() => removeStored(connection, topics))
  unroute(connection, topics)
}

/** Ends the connection as an administrative action. */
export function disconnectClient(connection: Connection, options: DisconnectOptions): Promise<void> {
  const { reasonCode = ReasonCode.AdministrativeAction, ...explanation } = options
  const properties: DisconnectProperties = explanation
  return connection.dismiss(new AnaxError('ANAX_ERR_KICKED', { reasonCode }), properties)
}

function connectedSession(connection: Connection) {
  if (!connection.connected) throw new AnaxError('ANAX_ERR_NOT_CONNECTED')
  return connection.session!
}

async function withStoreError(operation: () => void | Promise<void>): Promise<void> {
  try {
    await operation()
  } catch (error) {
    throw wrapError('ANAX_ERR_STORE', error)
  }
}

function toSubscriptions(input: Subscription | Subscription[] | { subscriptions: Subscription[] }): Subscription[] {
  if (Array.isArray(input)) return input
  return 'subscriptions' in input ? input.subscriptions : [input]
}

function toTopics(input: UnsubscribeInput): string[] {
  if (typeof input === 'string') return [input]
  if (Array.isArray(input)) return input.map(item => (typeof item === 'string' ? item : item.topic))
  if ('unsubscriptions' in input) return input.unsubscriptions
  return 'subscriptions' in input ? input.subscriptions.map(({ topic }) => topic) : [input.topic]
}
