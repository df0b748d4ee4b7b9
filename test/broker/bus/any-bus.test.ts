/**
 * Random brokers on random buses: whatever a bus does to messages (delay, copy, bring one for each filter, reorder
 * topics), each subscriber gets each message the right number of times, in the order of its publisher.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createBroker } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { filterMatches, parseShare } from '../../../lib/topic/topic.js'
import type { Broker } from '../../../types/broker/broker.js'
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { QoS } from '../../../types/message/packets.js'
import type { AedesPersistence } from '../../../types/persistence.js'
import { type Carrying, Network, type Pace } from '../../support/brokers/host-bus.js'
import { STORES, slowStore, whileTimePasses } from '../../support/brokers/stores.js'
import { BusSubscriber } from '../../support/clients/bus-subscriber.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { textPacket } from '../../support/clients/traffic.js'
import { runs } from '../../support/effort.js'

const TOPICS = ['a/b', 'a/c', 'd'] as const
const FILTERS = ['a/b', 'a/+', '#', 'd'] as const
const SHARES = ['$share/g/a/#', '$share/g/d'] as const
/** Longer than any operation takes. */
const QUIET_MS = 150
const MAX_LATENCY_MS = 12

type Step =
  | { do: 'publish'; broker: number; topic: number; qos: QoS }
  | { do: 'drop' | 'return'; subscriber: number }
  | { do: 'wait'; ms: number }

interface Scene {
  bus: 'within the process' | Carrying
  pace: 'at once' | 'late'
  brokers: number
  store: keyof typeof STORES
  storeIs: 'fast' | 'slow'
  stores: 'one each' | 'one for all'
  seed: number
  subscribers: {
    broker: number
    session: 'clean' | 'kept'
    receiveMaximum: number
    ackDelayMs: number
    subscriptions: { filter: string; qos: QoS }[]
  }[]
  steps: Step[]
}

const qos = fc.constantFrom<QoS>(0, 1, 2)
const broker = fc.nat(1)

const scene: fc.Arbitrary<Scene> = fc.record({
  bus: fc.constantFrom(
    'within the process' as const,
    'the same object' as const,
    'a copy for each bus' as const,
    'a copy for each filter' as const,
  ),
  pace: fc.constantFrom('at once' as const, 'late' as const),
  brokers: fc.integer({ min: 1, max: 2 }),
  store: fc.constantFrom(...Object.keys(STORES)),
  storeIs: fc.constantFrom('fast' as const, 'slow' as const),
  stores: fc.constantFrom('one each' as const, 'one for all' as const),
  seed: fc.nat(),
  subscribers: fc.array(
    fc.record({
      broker,
      session: fc.constantFrom('clean' as const, 'kept' as const),
      receiveMaximum: fc.integer({ min: 1, max: 3 }),
      ackDelayMs: fc.integer({ min: 0, max: 6 }),
      subscriptions: fc.uniqueArray(fc.record({ filter: fc.constantFrom<string>(...FILTERS, ...SHARES), qos }), {
        selector: ({ filter }) => filter,
        minLength: 1,
        maxLength: 4,
      }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  steps: fc.array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ do: fc.constant('publish' as const), broker, topic: fc.nat(TOPICS.length - 1), qos }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constantFrom('drop' as const, 'return' as const), subscriber: fc.nat(3) }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 8 }) }) },
    ),
    { maxLength: 40 },
  ),
})

/** Copies with QoS 0 for shared subscriptions may overtake other messages with QoS 0, and stored ones. */
const LATE_COPIES: Scene = {
  bus: 'within the process',
  pace: 'at once',
  brokers: 1,
  store: 'aedes-persistence',
  storeIs: 'slow',
  stores: 'one each',
  seed: 24,
  subscribers: [
    {
      broker: 0,
      session: 'kept',
      receiveMaximum: 1,
      ackDelayMs: 5,
      subscriptions: [
        { filter: '$share/g/a/#', qos: 2 },
        { filter: '$share/g/d', qos: 0 },
        { filter: 'd', qos: 1 },
        { filter: 'a/+', qos: 2 },
      ],
    },
  ],
  steps: [
    ...published([0, 2], [2, 2], [0, 0], [2, 2], [2, 2], [0, 2], [2, 2]),
    { do: 'drop', subscriber: 0 },
    ...published([1, 1], [2, 2]),
  ],
}

function published(...messages: [topic: number, qos: QoS][]): Step[] {
  return messages.map(([topic, qos]) => ({ do: 'publish', broker: 0, topic, qos }))
}

interface Sent {
  text: string
  topic: string
  qos: QoS
  broker: number
}

/** One run of a scene: the published messages, and who received them. */
interface Outcome {
  sent: Sent[]
  subscribers: BusSubscriber[]
  /** Subscribers that were disconnected at some time. */
  wereAway: Set<BusSubscriber>
}

test('each subscriber gets each message as often as expected, in order', async () => {
  const numRuns = Number(process.env.ANAX_BUS_RUNS ?? runs(80))
  await fc.assert(
    fc.asyncProperty(scene, async given => {
      const settled = normal(given)
      const outcome = await play(settled)
      for (const message of outcome.sent) assertCopies(settled, outcome, message)
      if (!keepsOrder(settled, outcome)) return
      for (const subscriber of outcome.subscribers) assertOrder(settled, subscriber, outcome.sent)
    }),
    { numRuns, endOnFailure: true, examples: [[LATE_COPIES]] },
  )
})

/**
 * A local bus has one broker. The members of a group are on one broker, because groups of different brokers are
 * independent.
 */
function normal(given: Scene): Scene {
  const brokers = given.bus === 'within the process' ? 1 : given.brokers
  const steps = given.steps.map(step => (step.do === 'publish' ? { ...step, broker: step.broker % brokers } : step))
  const subscribers = given.subscribers.map(each => {
    const isMember = each.subscriptions.some(({ filter }) => parseShare(filter) !== undefined)
    return { ...each, broker: isMember ? 0 : each.broker % brokers }
  })
  return { ...given, brokers, steps, subscribers }
}

async function play(given: Scene): Promise<Outcome> {
  const clock = new FakeClock()
  return whileTimePasses(clock, async () => {
    const brokers = await Promise.all(optionsOf(given, clock).map(options => createBroker({ clock, ...options })))
    const errors: unknown[] = []
    for (const each of brokers) each.on('storeError', error => errors.push(error))
    const subscribers = given.subscribers.map(
      (each, index) => new BusSubscriber(`subscriber ${index}`, brokers[each.broker]!, each, clock),
    )
    await Promise.all(subscribers.map(each => each.connect()))
    await Promise.all(subscribers.map(each => each.subscribe()))
    const wereAway = new Set<BusSubscriber>()
    const sent = await playSteps(given, brokers, subscribers, wereAway, clock)
    for (const each of wereAway) await each.connect()
    await quiet(subscribers, clock)
    for (const each of subscribers) each.leave()
    // a shared store may be closed by one broker while another still uses it
    assert.deepEqual([...errors], [])
    await Promise.all(brokers.map(each => each.close()))
    return { sent, subscribers, wereAway }
  })
}

async function playSteps(
  { steps }: Scene,
  brokers: readonly Broker[],
  subscribers: readonly BusSubscriber[],
  wereAway: Set<BusSubscriber>,
  clock: FakeClock,
): Promise<Sent[]> {
  const sent: Sent[] = []
  const publishers = await Promise.all(brokers.map(each => connectPublisher(each)))
  for (const [index, step] of steps.entries()) {
    if (step.do === 'publish') {
      const message = { text: `${index}`, topic: TOPICS[step.topic]!, qos: step.qos, broker: step.broker }
      sent.push(message)
      const messageId = step.qos > 0 ? index + 1 : undefined
      publishers[step.broker]!.send(textPacket(message.topic, message.text, { qos: step.qos, messageId }))
    } else if (step.do === 'wait') {
      await new Promise<void>(resolve => clock.setTimeout(resolve, step.ms))
    } else {
      const subscriber = subscribers[step.subscriber % subscribers.length]!
      if (subscriber.session === 'clean') continue
      wereAway.add(subscriber)
      if (step.do === 'drop') await subscriber.drop()
      else await subscriber.connect()
    }
  }
  return sent
}

/** Publishes without waiting; acknowledgements arrive in any order. */
async function connectPublisher(to: Broker): Promise<SpecClient> {
  const client = new SpecClient(to, 5)
  await client.connect({ clientId: `publisher of ${to.id}` })
  const answer = async () => {
    while (!client.isClosed) {
      const packet = await client.next()
      if (packet.cmd === 'pubrec') client.send({ cmd: 'pubrel', messageId: packet.messageId })
      assert(!('reasonCode' in packet) || packet.cmd === 'disconnect' || (packet.reasonCode ?? 0) < 0x80)
    }
  }
  // the loop ends when the connection does, while it waits for the next packet
  answer().catch(error => assert(client.isClosed, error))
  return client
}

async function quiet(subscribers: readonly BusSubscriber[], clock: FakeClock): Promise<void> {
  const count = () => subscribers.reduce((sum, { packets }) => sum + packets, 0)
  for (let before = -1; before !== count(); ) {
    before = count()
    await new Promise<void>(resolve => clock.setTimeout(resolve, QUIET_MS))
  }
}

function optionsOf({ bus, pace, brokers, store, storeIs, stores, seed }: Scene, clock: FakeClock): BrokerOptions[] {
  const random = randomFrom(seed)
  const network = bus === 'within the process' ? undefined : new Network(bus, paceOf(pace, clock, random))
  const latency = { clock, effect: seed % 2 === 0 ? 'early' : 'late', next: () => Math.floor(random() * 4) } as const
  const make = (): AedesPersistence => {
    const persistence = STORES[store]!(clock)
    return storeIs === 'slow' ? slowStore(persistence, latency) : persistence
  }
  const common = make()
  return Array.from({ length: brokers }, (_, index) => ({
    id: `broker ${index}`,
    persistence: stores === 'one each' ? make() : common,
    receiveMaximum: 1000,
    ...(network !== undefined && { mq: network.join() }),
  }))
}

/** Each channel keeps its own order; one may be far behind another. */
function paceOf(pace: Scene['pace'], clock: FakeClock, random: () => number): Pace | undefined {
  if (pace === 'at once') return undefined
  const free = new Map<string, number>()
  return {
    bring(channel, task) {
      const due = Math.max(free.get(channel) ?? 0, clock.now() + 1 + Math.floor(random() * MAX_LATENCY_MS))
      free.set(channel, due)
      clock.setTimeout(task, due - clock.now())
    },
    answer: task => void clock.setTimeout(task, 1 + Math.floor(random() * 3)),
  }
}

function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Each subscriber gets one copy for all its own subscriptions, and each group one for all its members. */
function assertCopies(given: Scene, { sent: _, subscribers, wereAway }: Outcome, message: Sent): void {
  const group = { first: 0, all: 0, atLeast: 0, atMost: 0 }
  let surelyShared = true
  for (const subscriber of subscribers) {
    const matching = subscriber.subscriptions.filter(({ filter }) => filterMatches(filter, message.topic))
    const own = matching.filter(({ share }) => share === undefined)
    const shared = matching.find(({ share }) => share !== undefined)
    const receipts = subscriber.receipts.filter(({ text }) => text === message.text)
    const first = receipts.filter(({ dup }) => !dup).length
    const isSafe = !wereAway.has(subscriber) || waitsFor(given, message, subscriber)
    const granted = Math.min(message.qos, Math.max(-1, ...own.map(({ qos }) => qos)))
    const isSure = granted >= 0 && isSafe && (granted > 0 || !wereAway.has(subscriber))
    const atMost = (own.length > 0 ? 1 : 0) + (shared === undefined ? 0 : 1)
    const label = `${subscriber.id}, message ${message.text} of QoS ${message.qos}`
    assert(first <= atMost, `${label} came ${first} times`)
    if (isSure) assert(receipts.length > 0, `${label} did not come`)
    if (matching.every(({ qos }) => Math.min(qos, message.qos) !== 1))
      assert(receipts.length <= atMost, `${label}, again`)
    if (shared === undefined) continue
    group.first += first
    group.all += receipts.length
    group.atLeast += isSure ? 1 : 0
    group.atMost += own.length > 0 ? 1 : 0
    surelyShared &&= isSafe && (Math.min(shared.qos, message.qos) > 0 || !wereAway.has(subscriber))
    group.atLeast += 0
  }
  const isThere = subscribers.some(({ subscriptions }) =>
    subscriptions.some(({ share, filter }) => share !== undefined && filterMatches(filter, message.topic)),
  )
  if (!isThere) return
  const label = `the group, message ${message.text} of QoS ${message.qos}`
  assert(group.first <= group.atMost + 1, `${label} came ${group.first} times`)
  if (surelyShared) assert(group.all >= group.atLeast + 1, `${label} did not come`)
}

/** Whether a message waits for a disconnected session: its publisher's broker has to know the session's store. */
function waitsFor({ stores }: Scene, message: Sent, subscriber: BusSubscriber): boolean {
  if (subscriber.brokerId === `broker ${message.broker}`) return true
  const isMember = subscriber.subscriptions.some(({ share }) => share !== undefined)
  return stores === 'one for all' && !isMember
}

/** Filters that are not in step keep the order of a topic only as long as none of them is removed and added again. */
function keepsOrder({ bus, pace }: Scene, { wereAway }: Outcome): boolean {
  return bus !== 'a copy for each filter' || pace === 'at once' || wereAway.size === 0
}

/**
 * A publisher's messages of one topic arrive in order, with two exceptions on a slow bus: stored messages may be read
 * from the queue before live ones arrive, and so may the copy for a group with members on another broker, because it
 * has its own number.
 */
function assertOrder(given: Scene, subscriber: BusSubscriber, sent: readonly Sent[]): void {
  const { id, brokerId, receipts, subscriptions } = subscriber
  const position = new Map(sent.map(({ text }, index) => [text, index]))
  const last = new Map<string, number>()
  const seen = new Set<string>()
  const isMember = subscriptions.some(({ share }) => share !== undefined)
  const isInStep = given.bus === 'within the process' || given.pace === 'at once'
  for (const { text, qos: granted } of receipts) {
    if (seen.has(text)) continue
    seen.add(text)
    const at = position.get(text)!
    const { broker: from, topic } = sent[at]!
    const isMerged = isInStep && !(isMember && brokerId !== `broker ${from}`)
    const channel = `${from} ${topic}${isMerged ? '' : ` ${granted > 0}`}`
    assert((last.get(channel) ?? -1) < at, `${id}: message ${text} came late`)
    last.set(channel, at)
  }
}
