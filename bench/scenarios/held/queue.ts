/** The queue of a stored session whose client is disconnected: the cost of filling, keeping and draining it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from '../../load/clients/client.js'
import { Feeder } from '../../load/clients/feeder.js'
import type { ConnectOptions } from '../../load/clients/packets.js'
import { Receiver } from '../../load/clients/receiver.js'
import { inHalves } from '../../load/halves.js'
import { residentBytes } from '../../measure.js'
import { brokers, type LoadContext, plainSetup, type Sample, type Scenario, scenario } from '../../types.js'
import { memoryEach, scaled } from './held.js'
import { withStores } from './stores.js'

const TOPIC = 'bench/queue'
const PAYLOAD_BYTES = 64
const sleeper: ConnectOptions = { clientId: 'sleeper', version: 4, session: 'stored' }

async function leaveSession(context: LoadContext): Promise<void> {
  const client = await Client.open(context, sleeper)
  await client.subscribe([TOPIC], 1)
  client.destroy()
  await sleep(200)
}

async function openFeeder(context: LoadContext): Promise<Feeder> {
  const client = await Client.open(context, { clientId: 'feeder', version: 4, session: 'clean' })
  return new Feeder(client, {
    topic: TOPIC,
    retain: 'live',
    payloadBytes: PAYLOAD_BYTES,
    fill: (bytes, _topicAt, payloadAt, index) => bytes.writeUInt32BE(index, payloadAt),
  })
}

/** Bytes of payload per message, which every broker has to keep. */
function payloadInMemory({ broker }: LoadContext): number {
  const { store } = brokers[broker]
  return store === 'memory' || store === 'autosave' ? PAYLOAD_BYTES : 0
}

async function run(context: LoadContext, messages: number): Promise<Sample> {
  const count = scaled(context, messages)
  await leaveSession(context)
  const feeder = await openFeeder(context)
  const before = await context.memory()
  let fed = 0
  const filling = await inHalves(context.pid, count, async upTo => {
    await feeder.feed(fed, upTo)
    fed = upTo
    return upTo
  })
  const after = await context.memory()
  const resident = residentBytes(context.pid)
  const { receiver, draining } = await drain(context, count)
  return {
    ...memoryEach(before, after, count, payloadInMemory(context)),
    cpu: filling.each,
    rate: filling.perSecond,
    linearity: filling.linearity,
    drainCpu: draining.each,
    drainRate: draining.perSecond,
    drainEvenness: Math.max(draining.linearity, 1 / draining.linearity),
    resident,
    lost: count - receiver.received,
    doubled: receiver.doubled,
  }
}

/** Listens before CONNACK: the queue may arrive in the same chunk. */
async function openReceiver(context: LoadContext): Promise<Receiver> {
  let receiver: Receiver | undefined
  await Client.open(context, sleeper, client => {
    receiver = new Receiver(client, 'sequence')
  })
  return receiver!
}

async function drain(context: LoadContext, count: number) {
  let receiver: Receiver | undefined
  const draining = await inHalves(context.pid, count, async upTo => {
    receiver ??= await openReceiver(context)
    await receiver.until(upTo)
    return receiver.received
  })
  return { receiver: receiver!, draining }
}

export const queueScenarios: Scenario[] = [
  scenario({
    name: 'queue',
    title: '100,000 messages of QoS 1 for a client that is away, then its return',
    section: 'held',
    unit: 'message queued',
    brokers: withStores,
    setup: { ...plainSetup, queue: 'unbounded' },
    maxRepetitions: 1,
    run: context => run(context, 100_000),
  }),
  scenario({
    name: 'queue-1m',
    title: '1,000,000 messages of QoS 1 for a client that is away, then its return',
    section: 'held',
    unit: 'message queued',
    brokers: ['anax', 'anax-lmdb-commit', 'mosquitto'],
    setup: { ...plainSetup, queue: 'unbounded' },
    maxRepetitions: 1,
    run: context => run(context, 1_000_000),
  }),
]
