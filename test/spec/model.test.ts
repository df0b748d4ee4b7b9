/**
 * Random valid clients against a small model of the standard: they publish, subscribe, answer late, lose their
 * connection, and reconnect. No acknowledged message is lost, no QoS 2 message is duplicated; order, quotas and packet
 * ids are right.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createBroker } from '../../lib/index.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import type { DropReason } from '../../types/broker/events.js'
import type { ProtocolVersion, QoS } from '../../types/message/packets.js'
import { STORES, slowStore, whileTimePasses } from '../support/brokers/stores.js'
import { byEffort, runs } from '../support/effort.js'
import type { ModelClient } from '../support/model/client.js'
import { ModelPublisher, type Published } from '../support/model/publisher.js'
import { ModelSubscriber } from '../support/model/subscriber.js'

const TOPICS = ['a', 'b'] as const
const RECEIVE_MAXIMUM = 4

/** One step. */
type Step =
  | { do: 'publish'; publisher: number; topic: number; qos: QoS; count: number }
  | { do: 'subscribe'; subscriber: number; topic: number; qos: QoS }
  | { do: 'unsubscribe'; subscriber: number; topic: number }
  | { do: 'read' | 'drop'; client: number }
  | { do: 'answer'; client: number; count: number }
  | { do: 'return'; client: number; start: 'resume' | 'clean' }

const either = fc.integer({ min: 0, max: 1 })
const client = fc.integer({ min: 0, max: 3 })
const qos = fc.constantFrom<QoS>(0, 1, 2)
const count = fc.integer({ min: 1, max: 5 })

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('publish' as const), publisher: either, topic: either, qos, count }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('subscribe' as const), subscriber: either, topic: either, qos }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), subscriber: either, topic: either }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const), client }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('answer' as const), client, count }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('drop' as const), client }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('return' as const),
      client,
      start: fc.constantFrom('resume' as const, 'resume' as const, 'resume' as const, 'clean' as const),
    }),
  },
)

/** Two publishers and two subscribers. */
class World {
  readonly #messages = new Map<string, Published>()
  /** The messages that each subscriber must receive. */
  readonly #due = new Map<ModelSubscriber, Set<string>>()
  readonly publishers: ModelPublisher[]
  readonly subscribers: ModelSubscriber[]
  readonly #connect: (client: ModelClient, start: 'resume' | 'clean') => Promise<void>

  constructor(receiveMaximum: number, connect: (client: ModelClient, start: 'resume' | 'clean') => Promise<void>) {
    const messageOf = (text: string) => this.#messages.get(text)
    this.publishers = ['p', 'q'].map(id => new ModelPublisher(id, RECEIVE_MAXIMUM, this.#acknowledged))
    this.subscribers = ['s', 't'].map(id => new ModelSubscriber(id, receiveMaximum, messageOf))
    for (const subscriber of this.subscribers) this.#due.set(subscriber, new Set())
    this.#connect = connect
  }

  get clients(): ModelClient[] {
    return [...this.publishers, ...this.subscribers]
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'publish':
        for (let i = 0; i < step.count; i++)
          this.#publish(this.publishers[step.publisher]!, TOPICS[step.topic]!, step.qos)
        break
      case 'subscribe':
        this.#changes(this.subscribers[step.subscriber]!, TOPICS[step.topic]!)
        await this.subscribers[step.subscriber]!.subscribe(TOPICS[step.topic]!, step.qos)
        break
      case 'unsubscribe':
        this.#changes(this.subscribers[step.subscriber]!, TOPICS[step.topic]!)
        await this.subscribers[step.subscriber]!.unsubscribe(TOPICS[step.topic]!)
        break
      case 'read':
        await this.clients[step.client]!.read()
        break
      case 'answer':
        await this.clients[step.client]!.read()
        if (this.clients[step.client]!.line !== undefined) this.clients[step.client]!.answer(step.count)
        break
      case 'drop':
        await this.clients[step.client]!.drop()
        break
      case 'return':
        await this.#return(this.clients[step.client]!, step.start)
    }
  }

  /** All clients reconnect and finish their exchanges; then everything must have arrived. */
  async finish(): Promise<void> {
    for (const client of this.clients) await this.#connect(client, 'resume')
    for (let quiet = 0; quiet < 40; quiet++) {
      for (const client of this.clients) {
        if ((await client.read()) > 0 || client.owes) quiet = 0
        client.answer(Number.POSITIVE_INFINITY)
      }
    }
    for (const publisher of this.publishers) assert(publisher.isDone, `${publisher.id} waits for answers`)
    for (const [subscriber, due] of this.#due) {
      const lost = [...due].filter(text => !subscriber.has(text))
      assert.deepEqual(lost, [], `${subscriber.id} did not get an acknowledged message`)
    }
  }

  #publish(publisher: ModelPublisher, topic: string, qos: QoS): void {
    const message = publisher.publish(topic, qos)
    if (message === undefined) return
    this.#messages.set(message.text, message)
    for (const { id, subscriptions } of this.subscribers) {
      if ((subscriptions.get(topic) ?? 0) > 0) message.audience.add(id)
    }
  }

  readonly #acknowledged = (message: Published): void => {
    for (const [subscriber, due] of this.#due) if (message.audience.has(subscriber.id)) due.add(message.text)
  }

  /** A subscription is about to change: messages that are not acknowledged yet may arrive or not. */
  #changes({ id, line }: ModelSubscriber, topic: string): void {
    if (line === undefined) return
    for (const message of this.#messages.values()) {
      if (message.topic === topic && !message.isAcknowledged) message.audience.delete(id)
    }
  }

  async #return(client: ModelClient, start: 'resume' | 'clean'): Promise<void> {
    if (client.line !== undefined) return
    if (start === 'clean' && client instanceof ModelSubscriber) this.#forget(client)
    await this.#connect(client, start)
  }

  /** With its session, a subscriber loses the messages that it must receive. */
  #forget(subscriber: ModelSubscriber): void {
    this.#due.get(subscriber)!.clear()
    for (const { audience } of this.#messages.values()) audience.delete(subscriber.id)
  }
}

interface Setting {
  store: string
  latency: 'none' | 'early' | 'late'
  version: ProtocolVersion
  receiveMaximum: number
}

/** Messages that may be lost with a connection or a session that ends; no others may be lost. */
const ENDINGS: ReadonlySet<DropReason> = new Set<DropReason>(['disconnected', 'session-ended'])

async function play({ store, latency, version, receiveMaximum }: Setting, steps: readonly Step[]): Promise<void> {
  const clock = new FakeClock()
  const inner = STORES[store]!(clock)
  let turn = 0
  const next = () => (turn++ * 7) % 5
  const persistence = latency === 'none' ? inner : slowStore(inner, { clock, effect: latency, next })
  const maxInflight = version === 5 ? 100 : receiveMaximum
  const scene = async () => {
    const broker = await createBroker({ clock, persistence, receiveMaximum: RECEIVE_MAXIMUM, maxInflight })
    const errors: unknown[] = []
    broker.on('storeError', error => errors.push(error))
    broker.on('clientError', (_, error) => errors.push(error))
    broker.on('drop', drop => void (ENDINGS.has(drop.reason) || errors.push(drop)))
    const world = new World(receiveMaximum, (client, start) => client.connect(broker, version, start))
    for (const client of world.clients) await client.connect(broker, version, 'resume')
    for (const one of steps) await world.take(one)
    await world.finish()
    assert.deepEqual(errors, [])
    for (const client of world.clients) await client.drop()
    await broker.close()
  }
  await whileTimePasses(clock, scene)
}

for (const store of Object.keys(STORES)) {
  for (const latency of ['none', 'early', 'late'] as const) {
    for (const version of byEffort<readonly ProtocolVersion[]>({ fast: [5], normal: [4, 5], full: [4, 5] })) {
      test(`clients behave as the model says (${store}, latency ${latency}, version ${version})`, async () => {
        const settings = fc.integer({ min: 1, max: 4 })
        const steps = fc.array(step, { minLength: 5, maxLength: 60, size: 'max' })
        const property = fc.asyncProperty(settings, steps, (receiveMaximum, taken) =>
          play({ store, latency, version, receiveMaximum }, taken),
        )
        await fc.assert(property, {
          numRuns: Number(process.env.ANAX_MODEL_RUNS ?? runs(50)),
          includeErrorInReport: true,
        })
      })
    }
  }
}
