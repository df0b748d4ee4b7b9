/** Checks the broker's retained messages and subscriptions, with a client of its own, against what was acknowledged. */
import { setTimeout as delay } from 'node:timers/promises'
import type { DecodedPacket } from '../../../lib/codec/index.js'
import type { Churner } from '../clients/churner.js'
import { connectPacket, Link } from '../clients/link.js'
import type { PublisherState } from './publisher-state.js'

/** Only a failing check waits that long. */
const PATIENCE_MS = 30_000
const PAUSE_MS = 10
/** A broker that starts, or an engine that elects a leader, takes some time. */
const START_MS = 30_000
/** Messages that must not arrive may arrive late. */
const AFTERMATH_MS = 100

/** The number of the last acknowledged retained message of each topic. */
export function promisedRetained(publishers: readonly PublisherState[]): Map<string, number> {
  const promises = publishers.flatMap(({ acknowledged }) => [...acknowledged])
  return new Map(promises.filter(([topic]) => topic.startsWith('retained/')))
}

/** @returns in words, each topic that has neither the acknowledged message nor a later one */
export async function findRetainedFaults(port: number, promised: ReadonlyMap<string, number>): Promise<string[]> {
  const found = new Map<string, number>()
  const link = await connect(port, packet => {
    // A message that is published at the same time does not have the retain flag.
    if (packet.cmd === 'publish' && packet.retain) found.set(packet.topic, Number(packet.payload))
  })
  link.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'retained/#', qos: 2 }] })
  const wrong = () => [...promised].filter(([topic, number]) => (found.get(topic) ?? 0) < number)
  await waitUntil(() => wrong().length === 0)
  await link.disconnect()
  return wrong().map(([topic, number]) => `${topic} has ${found.get(topic)}, ${number} was acknowledged`)
}

/** @returns in words, each topic whose subscription differs from the acknowledged one */
export async function findSubscriptionFaults(port: number, churner: Churner): Promise<string[]> {
  const { allTopics, subscribed, arrived } = churner
  const link = await connect(port, () => {})
  const payload = Buffer.from('probe')
  for (const [i, topic] of allTopics.entries()) {
    link.send({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false, messageId: i + 1 })
  }
  await waitUntil(() => [...subscribed].every(topic => arrived.has(topic)))
  await delay(AFTERMATH_MS)
  await link.disconnect()
  const wrong = allTopics.filter(topic => subscribed.has(topic) !== arrived.has(topic))
  return wrong.map(topic => `${topic} is ${subscribed.has(topic) ? '' : 'not '}subscribed, and was taken otherwise`)
}

async function connect(port: number, take: (packet: DecodedPacket) => void): Promise<Link> {
  const packet = { ...connectPacket('inspector', 4), clean: true }
  const received = (packets: readonly DecodedPacket[], from: Link) => {
    for (const each of packets) take(each)
    from.answer(packets)
  }
  const deadline = performance.now() + START_MS
  while (performance.now() < deadline) {
    const link = await Link.open(port, packet, { received })
    if (link !== undefined) return link
    await delay(PAUSE_MS)
  }
  throw new Error('the broker does not answer')
}

async function waitUntil(isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!isTrue() && performance.now() < deadline) await delay(PAUSE_MS)
}
