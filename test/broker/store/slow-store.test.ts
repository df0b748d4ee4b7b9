/**
 * A slow store: every acknowledged message arrives, in the order of its publisher, once for QoS 2; for clients that are
 * connected, disconnected, and reconnecting.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { Packet, ProtocolVersion, PublishPacket, QoS } from '../../../types/message/packets.js'
import { type Latency, STORES, slowStore, whileTimePasses } from '../../support/brokers/stores.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { textPacket } from '../../support/clients/traffic.js'
import { keptSession } from '../../support/spec.js'

const MESSAGES = 60

const LATENCIES: Record<string, (random: () => number) => Omit<Latency, 'clock'>> = {
  '2 ms': () => ({ effect: 'late', next: () => 2 }),
  'random, answers overtake each other': random => ({ effect: 'early', next: () => Math.floor(random() * 8) }),
  'random, operations wait for each other': random => ({ effect: 'late', next: () => Math.floor(random() * 3) }),
}

/** A small generator of random numbers, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

interface Scene {
  clock: FakeClock
  dial(clientId: string, session: 'clean' | 'kept'): Promise<SpecClient>
}

function slow(title: string, body: (scene: Scene) => Promise<void>): void {
  for (const [storeName, makeStore] of Object.entries(STORES)) {
    for (const [latencyName, latency] of Object.entries(LATENCIES)) {
      for (const version of [4, 5] as const) {
        test(`${title} (${storeName}, ${latencyName}, version ${version})`, async () => {
          const clock = new FakeClock()
          const persistence = slowStore(makeStore(clock), { clock, ...latency(randomFrom(version)) })
          const errors: unknown[] = []
          await whileTimePasses(clock, async () => {
            const broker = await createBroker({ clock, persistence })
            broker.on('storeError', error => errors.push(error))
            await body({ clock, dial: dialer(broker, version) })
            await broker.close()
          })
          assert.deepEqual(errors, [])
        })
      }
    }
  }
}

function dialer(broker: ConstructorParameters<typeof SpecClient>[0], version: ProtocolVersion): Scene['dial'] {
  return async (clientId, session) => {
    const client = new SpecClient(broker, version)
    await client.connect({ clientId, ...(session === 'kept' ? keptSession(version) : {}) })
    return client
  }
}

/**
 * Publishes numbers with mixed QoS, some retained, without waiting; resolves when everything that can be acknowledged
 * is acknowledged.
 */
async function publishMixed(client: SpecClient, name: string, from: number, to: number): Promise<void> {
  let open = 0
  for (let i = from; i <= to; i++) {
    const qos = (i % 3) as QoS
    if (qos > 0) open++
    client.send(
      textPacket(`t/${name}`, `${name}${i}`, { qos, messageId: qos > 0 ? i : undefined, retain: i % 4 === 0 }),
    )
  }
  while (open > 0) {
    const packet = await client.next()
    if (packet.cmd === 'pubrec') client.send({ cmd: 'pubrel', messageId: packet.messageId })
    else open--
    assert(!('reasonCode' in packet) || (packet.reasonCode ?? 0) < 0x80, JSON.stringify(packet))
  }
}

function numbers(name: string, from: number, to: number, wanted: (i: number) => boolean = () => true): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
    .filter(wanted)
    .map(i => `${name}${i}`)
}

const aboveQoS0 = (i: number) => i % 3 > 0

/** Answers a packet as the standard demands. */
function answer(client: SpecClient, packet: Packet): void {
  if (packet.cmd === 'publish' && packet.qos === 1) client.send({ cmd: 'puback', messageId: packet.messageId! })
  if (packet.cmd === 'publish' && packet.qos === 2) client.send({ cmd: 'pubrec', messageId: packet.messageId! })
  if (packet.cmd === 'pubrel') client.send({ cmd: 'pubcomp', messageId: packet.messageId })
}

/**
 * Receives until all messages have arrived and no exchange is open; QoS 2 as in the standard, with the unreleased
 * packet ids.
 */
async function receiveAll(client: SpecClient, count: number, unreleased = new Set<number>()): Promise<PublishPacket[]> {
  const messages: PublishPacket[] = []
  while (messages.length < count || unreleased.size > 0) {
    const packet = await client.next()
    if (packet.cmd === 'publish' && !(packet.qos === 2 && unreleased.has(packet.messageId!))) messages.push(packet)
    if (packet.cmd === 'publish' && packet.qos === 2) unreleased.add(packet.messageId!)
    if (packet.cmd === 'pubrel') unreleased.delete(packet.messageId)
    answer(client, packet)
  }
  return messages
}

function ofPublisher(messages: readonly PublishPacket[], name: string): string[] {
  return messages.map(({ payload }) => payload.toString()).filter(text => text.startsWith(name))
}

for (const session of ['clean', 'kept'] as const) {
  slow(
    `messages of two publishers with mixed QoS reach a connected client with a ${session} session in order`,
    async ({ dial }) => {
      const subscriber = await dial('subscriber', session)
      await subscriber.subscribe({ topic: 't/#', qos: 2 })
      const [a, b] = [await dial('a', 'clean'), await dial('b', 'clean')]
      const [messages] = await Promise.all([
        receiveAll(subscriber, 2 * MESSAGES),
        publishMixed(a, 'a', 1, MESSAGES),
        publishMixed(b, 'b', 1, MESSAGES),
      ])
      for (const name of ['a', 'b']) assert.deepEqual(ofPublisher(messages, name), numbers(name, 1, MESSAGES))
      await subscriber.expectNothing()
    },
  )
}

slow('messages of two publishers reach a disconnected session in order when it is resumed', async ({ dial }) => {
  const subscriber = await dial('subscriber', 'kept')
  await subscriber.subscribe({ topic: 't/#', qos: 2 })
  await subscriber.drop()
  const [a, b] = [await dial('a', 'clean'), await dial('b', 'clean')]
  await Promise.all([publishMixed(a, 'a', 1, MESSAGES), publishMixed(b, 'b', 1, MESSAGES)])
  const returned = await dial('subscriber', 'kept')
  const expected = numbers('', 1, MESSAGES, aboveQoS0).length
  const messages = await receiveAll(returned, 2 * expected)
  for (const name of ['a', 'b']) assert.deepEqual(ofPublisher(messages, name), numbers(name, 1, MESSAGES, aboveQoS0))
  await returned.expectNothing()
  await returned.drop()
  const again = await dial('subscriber', 'kept')
  await again.expectNothing()
})

slow('messages of two publishers reach a session that disconnects and reconnects repeatedly', async ({ dial }) => {
  const first = await dial('subscriber', 'kept')
  await first.subscribe({ topic: 't/#', qos: 2 })
  const [a, b] = [await dial('a', 'clean'), await dial('b', 'clean')]
  const publishing = Promise.all([publishMixed(a, 'a', 1, MESSAGES), publishMixed(b, 'b', 1, MESSAGES)])
  const unreleased = new Set<number>()
  const messages: PublishPacket[] = []
  let client = first
  for (const length of [7, 1, 13, 4]) {
    for (let i = 0; i < length && !client.isClosed; i++) {
      const packet = await client.next()
      note(packet, messages, unreleased)
      answer(client, packet)
    }
    await client.drop()
    client = await dial('subscriber', 'kept')
  }
  await publishing
  await untilQuiet(client, messages, unreleased)
  for (const name of ['a', 'b']) {
    const own = messages.filter(({ payload }) => payload.toString().startsWith(name))
    const twice = own.filter(({ qos }) => qos === 2).map(({ payload }) => payload.toString())
    assert.deepEqual(
      twice,
      numbers(name, 1, MESSAGES, i => i % 3 === 2),
      'QoS 2 exactly once, in order',
    )
    const once = own.filter(({ qos, dup }) => qos === 1 && !dup).map(({ payload }) => payload.toString())
    const atLeastOnce = new Set(own.filter(({ qos }) => qos === 1).map(({ payload }) => payload.toString()))
    assert.deepEqual(
      [...atLeastOnce],
      numbers(name, 1, MESSAGES, i => i % 3 === 1),
      'QoS 1 at least once, in order',
    )
    assert.equal(new Set(once).size, once.length, 'twice only with DUP')
  }
})

/** Answers everything, until nothing has arrived for longer than the store takes. */
async function untilQuiet(client: SpecClient, messages: PublishPacket[], unreleased: Set<number>): Promise<void> {
  for (let quiet = 0; quiet < 100; quiet++) {
    for (const packet of await client.settle()) {
      note(packet, messages, unreleased)
      answer(client, packet)
      quiet = 0
    }
  }
}

function note(packet: Packet, messages: PublishPacket[], unreleased: Set<number>): void {
  if (packet.cmd === 'pubrel') unreleased.delete(packet.messageId)
  if (packet.cmd !== 'publish') return
  const isRepeated = packet.qos === 2 && unreleased.has(packet.messageId!)
  if (packet.qos === 2) unreleased.add(packet.messageId!)
  if (!isRepeated) messages.push(packet)
}

slow('the last retained message remains, whatever its QoS and that of earlier ones', async ({ dial }) => {
  const publisher = await dial('publisher', 'clean')
  for (let round = 0; round < 6; round++) {
    const last = ((round * 2) % 3) as QoS
    for (const [text, qos] of [
      ['first', 1],
      ['second', 2],
      ['last', last],
    ] as const) {
      const messageId = qos > 0 ? 10 * round + qos + (text === 'last' ? 5 : 0) + 1 : undefined
      publisher.send(textPacket('t/r', `${text}${round}`, { qos, messageId, retain: true }))
    }
    await whatComes(publisher, last === 0 ? 2 : 3)
    await publisher.settle()
    const late = await dial(`late${round}`, 'clean')
    await late.subscribe({ topic: 't/r', qos: 0 })
    assert.equal((await late.expect('publish')).payload.toString(), `last${round}`)
  }
})

/** Waits for the first answers, and completes QoS 2. */
async function whatComes(publisher: SpecClient, count: number): Promise<void> {
  for (let left = count; left > 0; ) {
    const packet = await publisher.next()
    if (packet.cmd === 'pubrec') publisher.send({ cmd: 'pubrel', messageId: packet.messageId })
    else left--
  }
}

slow('QoS 2 that a publisher repeats after a lost connection is published once', async ({ dial }) => {
  const subscriber = await dial('subscriber', 'kept')
  await subscriber.subscribe({ topic: 't/#', qos: 2 })
  for (let round = 0; round < 4; round++) {
    const publisher = await dial('publisher', 'kept')
    for (const messageId of [1, 2, 3]) {
      publisher.send(textPacket('t/x', `x${messageId}`, { qos: 2, messageId, dup: round > 0 }))
    }
    if (round === 3) for (let i = 0; i < 3; i++) await publisher.expect('pubrec')
    await publisher.drop()
  }
  const messages = await receiveAll(subscriber, 3)
  assert.deepEqual(ofPublisher(messages, 'x'), ['x1', 'x2', 'x3'])
  await subscriber.expectNothing()
})

slow('many messages released at the same time keep their order', async ({ dial }) => {
  const subscriber = await dial('subscriber', 'kept')
  await subscriber.subscribe({ topic: 't/#', qos: 2 })
  const publisher = await dial('publisher', 'clean')
  const published = publishMixed(publisher, 'p', 1, 12)
  const ids: number[] = []
  while (ids.length < 4) {
    const packet = await subscriber.next()
    if (packet.cmd === 'publish' && packet.qos === 2) ids.push(packet.messageId!)
    if (packet.cmd === 'publish' && packet.qos === 1) subscriber.send({ cmd: 'puback', messageId: packet.messageId! })
  }
  await published
  for (const messageId of ids) subscriber.send({ cmd: 'pubrec', messageId })
  for (const messageId of ids) assert.equal((await nextRelease(subscriber)).messageId, messageId)
  subscriber.send({ cmd: 'pubcomp', messageId: ids[1]! })
  for (let i = 0; i < 100; i++) await subscriber.settle()
  await subscriber.drop()
  const returned = await dial('subscriber', 'kept')
  const released: number[] = []
  for (let i = 0; i < 3; i++) released.push((await nextRelease(returned)).messageId)
  assert.deepEqual(
    released.sort((x, y) => x - y),
    [ids[0], ids[2], ids[3]].sort((x, y) => x! - y!),
  )
  for (const messageId of released) returned.send({ cmd: 'pubcomp', messageId })
  await returned.expectNothing()
})

async function nextRelease(client: SpecClient) {
  for (;;) {
    const packet = await client.next()
    if (packet.cmd === 'pubrel') return packet
    answer(client, packet)
  }
}

slow(
  'a subscription made while messages are being delivered gets each message completely or not at all',
  async ({ dial }) => {
    const subscriber = await dial('subscriber', 'kept')
    const publisher = await dial('publisher', 'clean')
    for (let i = 1; i <= 4; i++) publisher.send(textPacket('t/x', `early${i}`, { qos: 2, messageId: i }))
    subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't/x', qos: 2 }] })
    for (let i = 1; i <= 4; i++) publisher.send({ cmd: 'pubrel', messageId: i })
    const messages: PublishPacket[] = []
    const unreleased = new Set<number>()
    for (let i = 0; i < 20; i++) for (const packet of await subscriber.settle()) note(packet, messages, unreleased)
    await subscriber.drop()
    await publisher.settle()
    publisher.send(textPacket('t/x', 'late', { qos: 2, messageId: 9 }), { cmd: 'pubrel', messageId: 9 })
    const returned = await dial('subscriber', 'kept')
    await untilQuiet(returned, messages, unreleased)
    const arrived = messages.map(({ payload }) => payload.toString())
    assert.equal(arrived.filter(text => text === 'late').length, 1, String(arrived))
    assert.equal(new Set(arrived).size, arrived.length)
    assert.equal(unreleased.size, 0)
  },
)
