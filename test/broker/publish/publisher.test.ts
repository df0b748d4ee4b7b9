/** The path of a published message: its number, its queues, the bus, and what is remembered until it is routed. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BrokerEventSink } from '../../../lib/broker/hooks/events.js'
import type { BackPressure } from '../../../lib/broker/publish/back-pressure.js'
import { MessageNumbers } from '../../../lib/broker/publish/message-numbers.js'
import { OwnMessages } from '../../../lib/broker/publish/own-messages.js'
import { Publisher } from '../../../lib/broker/publish/publisher.js'
import { QueueWriter } from '../../../lib/broker/publish/queue-writer.js'
import type { Retention } from '../../../lib/broker/publish/retention.js'
import { PublishMessage } from '../../../lib/codec/publish-message.js'
import { AnaxError } from '../../../lib/errors.js'
import { Broker } from '../../../lib/index.js'
import { recordOf } from '../../../lib/model/routing-record.js'
import type { ResolvedOptions } from '../../../lib/ports/resolved-options.js'
import { LocalBus } from '../../../lib/routing/bus/local-bus.js'
import { Router } from '../../../lib/routing/router.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { Fairness } from '../../../lib/util/scheduling/fairness.js'
import type { Drop } from '../../../types/broker/events.js'
import type { QoS } from '../../../types/message/packets.js'
import type {
  DroppedMessage,
  MatchedSubscription,
  MaybePromise,
  MessageRef,
  QueueDelivery,
} from '../../../types/persistence.js'
import { innerBus, NotingSession } from '../../routing/support.js'

interface Scene {
  enqueue?: (message: PublishMessage) => MaybePromise<DroppedMessage[] | undefined>
  retain?: () => MaybePromise<void>
  /** The result of the bus for a message; it has delivered the message by then. */
  emit?: (error?: Error) => Error | undefined
  queueQoS0?: boolean
}

/** A publisher whose store and bus are controlled by the test. */
function fixture({
  enqueue = () => undefined,
  retain = () => {},
  emit = () => undefined,
  queueQoS0 = false,
}: Scene = {}) {
  const clock = new FakeClock()
  const drops: Drop[] = []
  const emitter = new Broker({ clock })
  emitter.on('drop', drop => drops.push(drop))
  const enqueued: { message: PublishMessage; deliveries: readonly QueueDelivery[] }[] = []
  const mq = innerBus()
  const inner = mq.emit.bind(mq)
  mq.emit = (message, done) => inner(message, () => done?.(emit()))
  const bus = new LocalBus(mq, message => router.route(message))
  const numbers = new MessageNumbers('b')
  const router: Router = new Router(bus, {
    fairness: new Fairness(),
    sharedStrategy: 'round-robin',
    number: message => numbers.assign(message),
    enqueue: () => assert.fail(),
    caughtUp: () => {},
    undeliverable: () => assert.fail(),
  })
  const events = new BrokerEventSink(emitter, { add() {} }, { add() {} }, undefined)
  const store = {
    subscriptionsByTopic: () => matched,
    enqueue(message: PublishMessage, deliveries: readonly QueueDelivery[]) {
      enqueued.push({ message, deliveries })
      return enqueue(message)
    },
  } as never
  const deadlineSet = () => {}
  const queues = new QueueWriter({
    id: 'b',
    store,
    router,
    events,
    fairness: new Fairness(),
    deadlineSet,
    connected: new Set(),
  })
  const publisher: Publisher = new Publisher({
    numbers,
    options: { id: 'b', queueQoS0 } as ResolvedOptions,
    authorizer: {} as never,
    events,
    store,
    retention: { check: () => {}, keep: retain } as unknown as Retention,
    queues,
    backPressure: { hold: () => undefined } as unknown as BackPressure,
    rules: { among: 'all', policy: {} as never },
    bus,
    fairness: new Fairness(),
    deadlineSet,
  })
  return { publisher, router, enqueued, drops }
}

function published(qos: QoS = 1, retain = false): PublishMessage {
  return new PublishMessage('t', Buffer.from('x'), qos, retain, false, undefined, undefined)
}

const matched: MatchedSubscription[] = [{ clientId: 'stored', topic: 't', qos: 2 }]
const boom = () => {
  throw new AnaxError('ANAX_ERR_QUOTA')
}

describe('the number of a message', () => {
  it('is higher than all previous ones, in the order of storing', async () => {
    const { publisher } = fixture()
    const messages = Array.from({ length: 5 }, () => published())
    for (const message of messages) await publisher.store(message, [])
    const numbers = messages.map(({ brokerCounter }) => brokerCounter)
    assert.deepEqual(
      numbers,
      [...new Set(numbers)].sort((a, b) => a - b),
    )
    assert(messages.every(({ brokerId }) => brokerId === 'b'))
  })
})

let probes = 0

/** Whether a message is found by its number: then a session that got it from its queue gets no live copy. */
function isOnItsWay({ publisher }: ReturnType<typeof fixture>, message: PublishMessage, ref: MessageRef = message) {
  const probe = `probe ${++probes}`
  publisher.sentFromQueue({ brokerId: ref.brokerId, brokerCounter: ref.brokerCounter }, probe)
  return recordOf(message)?.isWithheld(probe) === true
}

describe('a pending message', () => {
  it('is pending from when it is stored until it is routed', async () => {
    const scene = fixture()
    const { publisher, enqueued } = scene
    const message = published()
    await publisher.store(message, matched)
    assert.equal(enqueued.length, 1)
    assert.equal(isOnItsWay(scene, message), true)
    assert.equal(isOnItsWay(scene, message, { ...message, brokerId: 'other' }), false)
    await publisher.route(message)
    assert.equal(isOnItsWay(scene, message), false)
  })

  it('is not pending if it is in no queue', async () => {
    const scene = fixture()
    const message = published()
    await scene.publisher.store(message, [])
    assert.equal(isOnItsWay(scene, message), false)
  })

  const WAYS: Record<string, Scene> = {
    'the queue refuses': { enqueue: boom },
    'the queue refuses later': { enqueue: () => Promise.reject(new AnaxError('ANAX_ERR_QUOTA')) },
    'cannot be retained': { retain: boom },
    'turns out not to be retainable': { retain: () => Promise.reject(new Error('broken')) },
    'the bus refuses': { emit: () => new Error('down') },
  }
  for (const [what, way] of Object.entries(WAYS)) {
    it(`that ${what} is no longer pending`, async () => {
      const scene = fixture(way)
      const message = published(1, true)
      await assert.rejects(async () => {
        await scene.publisher.store(message, matched)
        await scene.publisher.route(message)
      })
      assert.equal(isOnItsWay(scene, message), false)
    })
  }

  it('includes its other copies', async () => {
    const scene = fixture()
    const { publisher, router, enqueued } = scene
    router.shared.joinOffline({ clientId: 'stored', topic: '$share/g/t', qos: 1 })
    const message = published()
    await publisher.store(message, matched)
    assert.deepEqual(
      enqueued.map(({ deliveries }) => deliveries.map(({ clientId, share }) => [clientId, share])),
      [[['stored', '$share/g/t']], [['stored', undefined]]],
    )
    const copy = enqueued[0]!.message
    assert.notEqual(copy.brokerCounter, message.brokerCounter)
    assert.deepEqual([isOnItsWay(scene, copy), isOnItsWay(scene, message)], [true, true])
    await publisher.route(message)
    assert.deepEqual([isOnItsWay(scene, copy), isOnItsWay(scene, message)], [false, false])
  })

  it('skips clients that got it from their queues already', async () => {
    const { publisher, router } = fixture()
    const sessions = [new NotingSession('stored', true), new NotingSession('other', true)]
    for (const session of sessions) router.add(session.subscribe('t'))
    const message = published()
    await publisher.store(message, matched)
    publisher.sentFromQueue(message, 'stored')
    await publisher.route(message)
    assert.deepEqual(
      sessions.map(({ texts }) => texts),
      [[], ['x']],
    )
  })
})

describe('a message for a full queue', () => {
  it('is not delivered live either, and is reported', async () => {
    const dropped = (message: PublishMessage): DroppedMessage[] => [{ clientId: 'full', message, reason: 'queue-full' }]
    const { publisher, router, drops } = fixture({ enqueue: dropped })
    const [full, other] = [new NotingSession('full', true), new NotingSession('other', true)]
    for (const session of [full, other]) router.add(session.subscribe('t'))
    const message = published()
    const subscriptions = ['full', 'other'].map(clientId => ({ clientId, topic: 't', qos: 1 as const }))
    await publisher.store(message, subscriptions)
    await publisher.route(message)
    assert.deepEqual([full.texts, other.texts], [[], ['x']])
    assert.deepEqual(
      drops.map(({ clientId, reason }) => [clientId, reason]),
      [['full', 'queue-full']],
    )
  })

  it('is delivered if an older one was dropped instead', async () => {
    const old = published()
    const { publisher, router } = fixture({ enqueue: () => [{ clientId: 'full', message: old, reason: 'queue-full' }] })
    const full = new NotingSession('full', true)
    router.add(full.subscribe('t'))
    const message = published()
    await publisher.store(message, [{ clientId: 'full', topic: 't', qos: 1 }])
    await publisher.route(message)
    assert.deepEqual(full.texts, ['x'])
  })
})

describe('a QoS 0 message', () => {
  it('is queued only if the option says so', async () => {
    for (const queueQoS0 of [false, true]) {
      const { publisher, enqueued } = fixture({ queueQoS0 })
      const message = published(0)
      await publisher.store(message, matched)
      assert.equal(enqueued.length, queueQoS0 ? 1 : 0)
    }
  })
})

describe('messages of the application', () => {
  it('keep their order even if the store is slow for some of them', async () => {
    const stored: (() => void)[] = []
    const { publisher, router } = fixture({
      enqueue: () => new Promise(resolve => stored.push(() => resolve(undefined))),
    })
    const own = new OwnMessages(publisher, () => false)
    const session = new NotingSession('clean')
    router.add(session.subscribe('t'))
    const texts = ['1', '2', '3']
    const outcomes = texts.map(text => {
      const message = new PublishMessage('t', Buffer.from(text), 1, false, false, undefined, undefined)
      return own.publish(message)
    })
    for (const index of [1, 2, 0]) {
      stored[index]!()
      await new Promise(resolve => setImmediate(resolve))
    }
    await Promise.all(outcomes)
    assert.deepEqual(session.texts, texts)
  })
})
