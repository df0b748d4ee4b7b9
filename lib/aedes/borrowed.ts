/**
 * Wraps the application's store and bus for the underlying broker. Aedes does not close the store, and if the
 * application replaces one of its methods, the new one is used from then on. Knows no broker.
 */
import timers from 'node:timers'
import type { Bus, BusListener } from '../../types/bus.js'
import type { Message } from '../../types/message/message.js'
import type { AedesPersistence, SessionPersistence, StoreClient, StoredSubscription } from '../../types/persistence.js'
import { busPacket, parsedSubscription, storedPacket } from './packets.js'

// that of Node.js itself: fake timers of test runners replace the global one
const { setImmediate } = timers

/** The methods that a store must have. */
const METHODS = [
  ...['setup', 'storeRetained', 'createRetainedStream', 'createRetainedStreamCombi'],
  ...['addSubscriptions', 'removeSubscriptions', 'subscriptionsByClient', 'subscriptionsByTopic', 'cleanSubscriptions'],
  ...['countOffline', 'outgoingEnqueue', 'outgoingEnqueueCombi', 'outgoingUpdate', 'outgoingClearMessageId'],
  ...['outgoingStream', 'incomingStorePacket', 'incomingGetPacket', 'incomingDelPacket', 'putWill', 'getWill'],
  ...['delWill', 'streamWill', 'getClientList', 'cleanIncoming'],
] as const

type Methods = Record<string, ((...args: unknown[]) => unknown) | undefined>

/**
 * Wraps a store with the contract of `aedes-persistence`, so that it stays open. A store with the extension of Anax is
 * returned unchanged.
 * @param retainedRead called for each retained message that is read for a subscription
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
 * Wraps a bus, so that messages on it have exactly the fields of `aedes-packet`. As in Aedes, they are delivered one
 * turn of the event loop after publishing: a client that ends its connection has disconnected by then.
 * @param emitted called with each message before it is emitted
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
      // the publisher's packet id has no meaning for others
      if ('messageId' in packet) packet.messageId = undefined
      return mq.emit(packet, done)
    },
    close: done => mq.close(done),
  }
}
