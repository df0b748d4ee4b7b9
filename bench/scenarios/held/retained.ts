/** A million retained messages: storing them, and how fast and how smoothly they reach a new subscriber. */
import { Client, openMany } from '../../load/clients/client.js'
import { Feeder } from '../../load/clients/feeder.js'
import { PINGREQ, subscribePacket } from '../../load/clients/packets.js'
import { Receiver } from '../../load/clients/receiver.js'
import { inHalves } from '../../load/halves.js'
import { cpuMicros, residentBytes } from '../../measure.js'
import { type LoadContext, type Sample, type Scenario, scenario } from '../../types.js'
import { memoryEach, scaled } from './held.js'

const FEEDERS = 10
const PAYLOAD_BYTES = 64
const TOPIC = 'held/000/00/00'
const DIGITS_AT = 'held/'.length
/** How often a short measurement is repeated, unless that takes too long. */
const TRIES = 50
const TRIES_MS = 2000
const WARM_UP_MESSAGES = 30_000

function digits(bytes: Buffer, at: number, value: number, count: number): void {
  for (let i = count - 1; i >= 0; i--) {
    bytes[at + i] = 48 + (value % 10)
    value = Math.floor(value / 10)
  }
}

/** Message `index` has the topic held/XXX/YY/ZZ: ten thousand share XXX, a hundred of them YY. */
function fillTopic(bytes: Buffer, topicAt: number, _payloadAt: number, index: number): void {
  const at = topicAt + DIGITS_AT
  digits(bytes, at, Math.floor(index / 10_000), 3)
  digits(bytes, at + 4, Math.floor(index / 100) % 100, 2)
  digits(bytes, at + 7, index % 100, 2)
}

function topicOf(index: number): string {
  const bytes = Buffer.from(TOPIC)
  fillTopic(bytes, 0, 0, index)
  return bytes.toString()
}

async function openFeeders(context: LoadContext): Promise<Feeder[]> {
  const options = { topic: TOPIC, retain: 'retain', payloadBytes: PAYLOAD_BYTES, fill: fillTopic } as const
  return openMany(FEEDERS, async i => {
    const client = await Client.open(context, { clientId: `feeder-${i}`, version: 4, session: 'clean' })
    return new Feeder(client, options)
  })
}

/** Each feeder publishes a tenth of them. */
async function feedAll(feeders: Feeder[], from: number, to: number): Promise<void> {
  const each = (to - from) / FEEDERS
  await Promise.all(feeders.map((feeder, i) => feeder.feed(from + i * each, from + (i + 1) * each)))
}

let receivers = 0

function openReceiver(context: LoadContext): Promise<Client> {
  return Client.open(context, { clientId: `receiver-${receivers++}`, version: 4, session: 'clean' })
}

/** A new client that subscribes; SUBACK and messages arrive in any order. */
async function subscribeNew(context: LoadContext, filter: string): Promise<{ client: Client; receiver: Receiver }> {
  const client = await openReceiver(context)
  const receiver = new Receiver(client, 'any')
  client.write(subscribePacket(1, [filter], 0, 4))
  return { client, receiver }
}

/** Median time from SUBSCRIBE to the first retained message, in milliseconds. */
async function timeToFirst(context: LoadContext, count: number): Promise<number> {
  const times: number[] = []
  const end = performance.now() + TRIES_MS
  for (let i = 0; i < TRIES && performance.now() < end; i++) {
    const { client, receiver } = await subscribeNew(context, topicOf((i * 7919) % count))
    const start = performance.now()
    times.push((await receiver.first()) - start)
    client.destroy()
  }
  return times.toSorted((a, b) => a - b)[times.length >> 1]!
}

/** The broker's microseconds per message for a subscriber that gets `matches` messages for each SUBSCRIBE. */
async function costPerMatch(context: LoadContext, subscribes: string[][], matches: number): Promise<number> {
  const client = await openReceiver(context)
  const receiver = new Receiver(client, 'any')
  const fetch = async (filters: string[]) => {
    const before = receiver.received
    client.write(subscribePacket(1, filters, 0, 4))
    await receiver.until(before + matches)
  }
  // the first ones are for the broker's compiler
  for (let warm = 0; warm < WARM_UP_MESSAGES; warm += matches) await fetch(subscribes[0]!)
  const start = cpuMicros(context.pid)
  const end = performance.now() + TRIES_MS
  let done = 0
  for (const filters of subscribes) {
    if (performance.now() > end) break
    await fetch(filters)
    done += matches
  }
  client.destroy()
  return (cpuMicros(context.pid) - start) / done
}

/** The longest answer to a PINGREQ of one client while another gets all retained messages, in milliseconds. */
async function longestStall(context: LoadContext, count: number): Promise<{ stall: number; lost: number }> {
  const bystander = await Client.open(context, { clientId: 'bystander', version: 4, session: 'clean' })
  const sent: number[] = []
  let stall = 0
  bystander.sink = {
    packet: () => {
      stall = Math.max(stall, performance.now() - sent.shift()!)
    },
    chunkEnd() {},
  }
  const timer = setInterval(() => {
    sent.push(performance.now())
    bystander.socket.write(PINGREQ)
  }, 1)
  const { client, receiver } = await subscribeNew(context, 'held/#')
  await receiver.until(count)
  clearInterval(timer)
  const waiting = sent[0] === undefined ? 0 : performance.now() - sent[0]
  client.destroy()
  bystander.destroy()
  return { stall: Math.max(stall, waiting), lost: count - receiver.received }
}

/** Publishes retained messages, each on its own topic; their number is divisible by 10. */
export async function retain(context: LoadContext, count: number): Promise<void> {
  await feedAll(await openFeeders(context), 0, count)
}

/** Ten filters with a hundred messages each. */
function tenHundreds(thousand: number, tenth: number): string[] {
  return Array.from({ length: 10 }, (_, i) => `held/00${thousand}/${tenth}${i}/+`)
}

async function run(context: LoadContext): Promise<Sample> {
  const count = Math.max(20_000, scaled(context, 1_000_000))
  const feeders = await openFeeders(context)
  const before = await context.memory()
  let fed = 0
  const { each, perSecond, linearity } = await inHalves(context.pid, count, async upTo => {
    await feedAll(feeders, fed, upTo)
    fed = upTo
    return upTo
  })
  const after = await context.memory()
  const first = await timeToFirst(context, count)
  const atOnce = Array.from({ length: 5 }, (_, i) => [`held/00${i}/#`])
  const inTenths = Array.from({ length: 50 }, (_, i) => tenHundreds(Math.floor(i / 10), i % 10))
  const many = await costPerMatch(context, atOnce, 10_000)
  const few = await costPerMatch(context, inTenths, 1000)
  const resident = residentBytes(context.pid)
  const { stall, lost } = await longestStall(context, count)
  return {
    ...memoryEach(before, after, count, PAYLOAD_BYTES),
    cpu: each,
    rate: perSecond,
    linearity,
    first,
    perMatch: many,
    proportion: Math.max(many, few) / Math.min(many, few),
    stall,
    resident,
    lost,
  }
}

export const retainedScenarios: Scenario[] = [
  scenario({
    name: 'retained',
    title: '1,000,000 retained messages, stored with QoS 1; then fetched singly, by thousands, by ten thousands, all',
    section: 'held',
    unit: 'message stored',
    brokers: ['anax', 'mosquitto', 'aedes'],
    maxRepetitions: 1,
    run,
  }),
]
