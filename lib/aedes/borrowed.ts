/**
 * Wraps the application's store and bus for the underlying broker: Aedes does not close the store, and what
 * the application puts in the place of one of its methods counts from then on. Knows no broker.
 */
import type { Bus, BusListener } from '../../types/bus.js'
import type { Message } from '../../types/message.js'
import type { AedesPersistence, SessionPersistence, StoreClient, StoredSubscription } from '../../types/persistence.js'
import { busPacket, parsedSubscription, storedPacket } from './packets.js'

/** The methods of the contract that a store has to have. */
const METHODS = [
  ...['setup', 'storeRetained', 'createRetainedStream', 'createRetainedStreamCombi'],
  ...['addSubscriptions', 'removeSubscriptions', 'subscriptionsByClient', 'subscriptionsByTopic', 'cleanSubscriptions'],
  ...['countOffline', 'outgoingEnqueue', 'outgoingEnqueueCombi', 'outgoingUpdate', 'outgoingClearMessageId'],
  ...['outgoingStream', 'incomingStorePacket', 'incomingGetPacket', 'incomingDelPacket', 'putWill', 'getWill'],
  ...['delWill', 'streamWill', 'getClientList', 'cleanIncoming'],
] as const

type Methods = Record<string, ((...args: unknown[]) => unknown) | undefined>

/**
 * A store of the contract of `aedes-persistence`, which is left open. One with the extension of Anax is as it is.
 * @param retainedRead told of each retained message that is read for a subscription
 */
export function borrowed(persistence: AedesPersistence, retainedRead: () => void): AedesPersistence {
  if ((persistence as Partial<SessionPersistence>).sessionPersistence === 1) return persistence
  const methods = persistence as unknown as Methods
  const store: Methods = { destroy: () => {} }
  for (const name of METHODS) store[name] = (...args) => methods[name]?.(...args)
  store.addSubscriptions = (client, subscriptions) =>
    persistence.addSubscriptions(client as StoreClient, (subscriptions as StoredSubscription[]).map(parsedSubscription))
  store.createRetainedStreamCombi = filters =>
    toldOfEach(persistence.createRetainedStreamCombi(filters as string[]), retainedRead)
  store.storeRetained = packet => persistence.storeRetained(storedPacket(packet as Message))
  store.outgoingEnqueue = (subscription, packet) =>
    persistence.outgoingEnqueue(subscription as never, storedPacket(packet as Message))
  store.outgoingEnqueueCombi = (subscriptions, packet) =>
    persistence.outgoingEnqueueCombi(subscriptions as never, storedPacket(packet as Message))
  return store as unknown as AedesPersistence
}

async function* toldOfEach<T>(items: AsyncIterable<T>, told: () => void): AsyncGenerator<T, void, undefined> {
  for await (const item of items) {
    told()
    yield item
  }
}

/**
 * The same bus, on which messages have the shape of `aedes-packet` and nothing more. As in Aedes, they are delivered a
 * turn of the event loop after they were published: a client that ends its connection is gone by then.
 * @param emitted told of each message before it is out
 */
export function plainBus(mq: Bus, emitted: (message: Partial<Message>) => void): Bus {
  const known = new WeakMap<BusListener, BusListener>()
  const late = (listener: BusListener): BusListener => {
    const told =
      known.get(listener) ??
      ((message, done) => {
        setImmediate(listener, message, () => {})
        done()
      })
    known.set(listener, told)
    return told
  }
  return {
    on: (topic, listener, done) => mq.on(topic, late(listener), done),
    removeListener: (topic, listener, done) => mq.removeListener(topic, late(listener), done),
    emit: (message, done) => {
      emitted(message)
      const packet = busPacket(message)
      // the publisher's packet id means nothing to others
      if ('messageId' in packet) packet.messageId = undefined
      return mq.emit(packet, done)
    },
    close: done => mq.close(done),
  }
}
