/**
 * Clients that do not wait: thousands of messages at once, from a client and to a client. All are acknowledged, and
 * acknowledged messages reach every connected client that answers.
 */
import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { duplexPair } from '../../../lib/client/duplex-pair.js'
import { Decoder } from '../../../lib/codec/decode/decoder.js'
import { encode } from '../../../lib/codec/encode/encoder.js'
import { type Broker, type BrokerOptions, createBroker, createMemoryPersistence } from '../../../lib/index.js'
import { createServer } from '../../../lib/server/server.js'
import type { ConnectPacket, Packet, ProtocolVersion, QoS } from '../../../types/message/packets.js'
import type { SessionPersistence } from '../../../types/persistence.js'
import { connectClient } from '../../support/clients/mqtt.js'
import { connectPacket, publishPacket } from '../../support/clients/spec-client.js'
import { byEffort, runs } from '../../support/effort.js'
import { keptSession } from '../../support/spec.js'

const later = (ms: number) => new Promise<void>(resolve => (ms === 0 ? setImmediate(resolve) : setTimeout(resolve, ms)))

/** A client that answers immediately, and counts. */
class Raw {
  readonly texts: string[] = []
  acknowledged = 0
  closed = false
  /** How it answers messages: immediately, one in 20 ms, or never. */
  answers: 'at once' | 'slowly' | 'never' = 'at once'
  readonly #stream: Duplex
  readonly #version: ProtocolVersion
  #slowly: Promise<unknown> = Promise.resolve()
  #waiting: { isMet: () => boolean; resolve: () => void } | undefined

  constructor(broker: Broker, version: ProtocolVersion) {
    const [client, server] = duplexPair()
    this.#stream = client
    this.#version = version
    const decoder = new Decoder({ side: 'client', maximumPacketSize: 1e9, protocolVersion: version })
    client.on('data', chunk => {
      decoder.push(chunk)
      const answers: Packet[] = []
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
        const answer = this.#receive(packet)
        if (answer !== undefined) answers.push(answer)
      }
      if (answers.length > 0) this.send(answers)
      this.#look()
    })
    client.on('close', () => {
      this.closed = true
      this.#look()
    })
    broker.handle(server)
  }

  static async connect(broker: Broker, version: ProtocolVersion, packet: Partial<ConnectPacket>): Promise<Raw> {
    const client = new Raw(broker, version)
    client.send([connectPacket(version, packet)])
    return client
  }

  send(packets: readonly Packet[]): void {
    this.#stream.write(Buffer.concat(packets.map(packet => encode(packet, this.#version))))
  }

  subscribe(topic: string, qos: QoS): void {
    this.send([{ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos }] }])
  }

  /** Publishes numbers without waiting for anything. */
  publish(topic: string, qos: QoS, count: number, padding = ''): void {
    const packets = Array.from({ length: count }, (_, i) =>
      publishPacket({ topic, payload: Buffer.from(`${i}${padding}`), qos, ...(qos > 0 && { messageId: i + 1 }) }),
    )
    this.send(packets)
  }

  /** Resolves when a condition holds, or the connection is closed. */
  async until(isMet: () => boolean): Promise<void> {
    // streams in memory and the broker's timers do not keep the process alive
    const alive = setInterval(() => {}, 1000)
    await new Promise<void>(resolve => {
      this.#waiting = { isMet: () => isMet() || this.closed, resolve }
      this.#look()
    })
    clearInterval(alive)
  }

  /** Stops reading. */
  freeze(): void {
    this.#stream.pause()
  }

  end(): void {
    this.#stream.destroy()
  }

  #look(): void {
    if (this.#waiting?.isMet()) this.#waiting.resolve()
  }

  #receive(packet: Packet): Packet | undefined {
    switch (packet.cmd) {
      case 'publish': {
        this.texts.push(packet.payload.toString())
        const { qos, messageId } = packet
        if (qos === 0 || this.answers === 'never') return undefined
        const answer: Packet = { cmd: qos === 1 ? 'puback' : 'pubrec', messageId: messageId! }
        if (this.answers === 'at once') return answer
        this.#slowly = this.#slowly.then(() => later(20)).then(() => this.closed || this.send([answer]))
        return undefined
      }
      case 'puback':
      case 'pubcomp':
        this.acknowledged++
        return undefined
      case 'pubrec':
        return { cmd: 'pubrel', messageId: packet.messageId }
      case 'pubrel':
        return { cmd: 'pubcomp', messageId: packet.messageId }
      default:
        return undefined
    }
  }
}

interface Latency {
  hook: number | undefined
  store: number | undefined
}

/** A broker with a slow hook and a slow store. */
async function slowBroker({ hook, store }: Latency, options: BrokerOptions = {}): Promise<Broker> {
  const persistence = createMemoryPersistence() as SessionPersistence
  if (store !== undefined) {
    const { enqueue } = persistence
    persistence.enqueue = async (...args) => {
      await later(store)
      return enqueue.apply(persistence, args)
    }
  }
  const authorizePublish = async () => {
    await later(hook!)
    return true
  }
  return createBroker({ persistence, ...(hook !== undefined && { authorizePublish }), ...options })
}

const numbers = (count: number, padding = '') => Array.from({ length: count }, (_, i) => `${i}${padding}`)

interface Burst {
  version: ProtocolVersion
  session: 'clean' | 'kept'
  qos: 1 | 2
  count: number
  latency: Latency
  window: number
}

async function burst({ version, session, qos, count, latency, window }: Burst): Promise<void> {
  const broker = await slowBroker(latency, { maxInflight: window })
  const drops: unknown[] = []
  broker.on('drop', ({ reason }) => drops.push(reason))
  const packet = session === 'kept' ? keptSession(version) : {}
  const subscriber = await Raw.connect(broker, version, { ...packet, clientId: 'subscriber' })
  subscriber.subscribe('t', qos)
  const publisher = await Raw.connect(broker, version, { clientId: 'publisher' })
  await later(0)
  publisher.publish('t', qos, count)
  await publisher.until(() => publisher.acknowledged === count)
  await subscriber.until(() => subscriber.texts.length === count)
  assert.deepEqual([publisher.closed, publisher.acknowledged, drops], [false, count, []])
  assert.deepEqual(subscriber.texts, numbers(count))
  publisher.end()
  subscriber.end()
  await broker.close()
}

describe('a burst', () => {
  it('of any number, at any latency, through any window, is acknowledged and arrives in order', async () => {
    const latency = fc.record({
      hook: fc.constantFrom(undefined, 0, 2),
      store: fc.constantFrom(undefined, 0, 2),
    })
    const bursts: fc.Arbitrary<Burst> = fc.record({
      version: fc.constantFrom<ProtocolVersion>(3, 4, 5),
      session: fc.constantFrom('clean', 'kept'),
      qos: fc.constantFrom(1, 2),
      count: fc.constantFrom(10, 300, 1500, 3000),
      latency,
      window: fc.constantFrom(1, 10, 100, 1000),
    })
    await fc.assert(fc.asyncProperty(bursts, burst), { numRuns: runs(6) })
  })

  for (const version of [4, 5] as const) {
    for (const qos of [1, 2] as const) {
      const count = byEffort({ fast: 500, normal: 3000, full: 3000 })
      it(`of ${count} messages of QoS ${qos} from MQTT.js, version ${version}, with a hook of 2 ms`, async () => {
        const broker = await slowBroker({ hook: 2, store: undefined })
        const server = await createServer(broker, { transport: 'tcp', port: 0 })
        const client = await connectClient(server.addresses[0]!.url, { protocolVersion: version })
        const received: string[] = []
        const all = new Promise<void>(resolve => {
          client.on('message', (_topic, payload) => received.push(String(payload)) === count && resolve())
        })
        await client.subscribeAsync('t', { qos })
        await Promise.all(numbers(count).map(text => client.publishAsync('t', text, { qos })))
        await all
        assert.deepEqual(received, numbers(count))
        await client.endAsync()
        await server.close()
        await broker.close()
      })
    }
  }

  for (const session of ['clean', 'kept'] as const) {
    it(`of 50,000 messages reaches a client that answers (session: ${session})`, async () => {
      await burst({
        version: 5,
        session,
        qos: 1,
        count: byEffort({ fast: 5000, normal: 50_000, full: 50_000 }),
        latency: { hook: undefined, store: undefined },
        window: 100,
      })
    })
  }
})

describe('an application that publishes in a loop and awaits each call', () => {
  const COUNT = 2000
  const PADDING = '.'.repeat(1000)

  type Publish = (text: string) => Promise<unknown>
  const ways: Record<string, (broker: Broker) => Publish | Promise<Publish>> = {
    'broker.publish, QoS 0': broker => payload => broker.publish({ topic: 't', payload }),
    'broker.publish, QoS 1': broker => payload => broker.publish({ topic: 't', payload, qos: 1 }),
    'broker.publish with a callback': broker => payload =>
      new Promise<void>(resolve => broker.publish({ topic: 't', payload }, () => resolve())),
    'client.publish': broker => payload => broker.clients.subscriber!.publish({ topic: 't', payload }),
    'broker.client()': async broker => {
      const client = await broker.client()
      return payload => client.publish('t', payload)
    },
  }

  async function scene(topic = 't', qos: QoS = 0, options: BrokerOptions = {}) {
    const broker = await createBroker(options)
    const drops: string[] = []
    broker.on('drop', ({ clientId, reason }) => drops.push(`${clientId} ${reason}`))
    const subscriber = await Raw.connect(broker, 5, { clientId: 'subscriber' })
    const subscribed = new Promise(resolve => broker.once('subscribe', resolve))
    subscriber.subscribe(topic, qos)
    await subscribed
    return { broker, drops, subscriber }
  }

  for (const [name, way] of Object.entries(ways)) {
    for (const qos of byEffort<readonly QoS[]>({ fast: [0], normal: [0], full: [0, 1] })) {
      it(`loses nothing for a client that reads: ${name}, subscribed with QoS ${qos}`, async () => {
        const { broker, drops, subscriber } = await scene('t', qos)
        const publish = await way(broker)
        for (const text of numbers(COUNT, PADDING)) await publish(text)
        await subscriber.until(() => subscriber.texts.length === COUNT || drops.length > 0)
        const inOrder = subscriber.texts.every((text, i) => Number.parseInt(text, 10) === i)
        assert.deepEqual([subscriber.texts.length, inOrder, drops.length], [COUNT, true, 0])
        await broker.close()
      })
    }
  }

  it('loses nothing for the member of a shared subscription', async () => {
    const { broker, drops, subscriber } = await scene('$share/group/t')
    for (const payload of numbers(COUNT, PADDING)) await broker.publish({ topic: 't', payload })
    await subscriber.until(() => subscriber.texts.length === COUNT || drops.length > 0)
    assert.deepEqual([subscriber.texts.length, drops.length], [COUNT, 0])
    await broker.close()
  })

  it('loses no message that is larger than the limit of the queue in memory', async () => {
    const { broker, drops, subscriber } = await scene()
    for (const payload of numbers(10, '.'.repeat(1_500_000))) await broker.publish({ topic: 't', payload })
    await subscriber.until(() => subscriber.texts.length === 10 || drops.length > 0)
    assert.deepEqual([subscriber.texts.length, drops.length], [10, 0])
    await broker.close()
  })

  it('does not wait for a client that does not read, and others get everything', async () => {
    const { broker, drops, subscriber } = await scene('t', 0, { maxOutboxBytes: 1024 * 1024 })
    const frozen = await Raw.connect(broker, 5, { clientId: 'frozen' })
    const subscribed = new Promise(resolve => broker.once('subscribe', resolve))
    frozen.subscribe('t', 0)
    await subscribed
    frozen.freeze()
    for (const payload of numbers(COUNT, PADDING)) await broker.publish({ topic: 't', payload })
    await subscriber.until(() => subscriber.texts.length === COUNT)
    assert.deepEqual([...new Set(drops)], ['frozen outbox-full'])
    frozen.end()
    await broker.close()
  })
})

describe('a client that is slower than its publishers', () => {
  const PADDING = 'x'.repeat(4000)
  /** More than a queue may hold. */
  const COUNT = byEffort({ fast: 5000, normal: 10_000, full: 10_000 })

  for (const session of ['clean', 'kept'] as const) {
    it(`and acknowledges gets all of many megabytes, because the publishers wait for it (session: ${session})`, async () => {
      const broker = await createBroker()
      const drops: unknown[] = []
      broker.on('drop', ({ reason }) => drops.push(reason))
      const packet = session === 'kept' ? keptSession(5) : {}
      const subscriber = await Raw.connect(broker, 5, { ...packet, clientId: 'subscriber' })
      subscriber.subscribe('t', 1)
      const publishers = await Promise.all(
        ['one', 'two', 'three', 'four'].map(clientId => Raw.connect(broker, 5, { clientId })),
      )
      await later(0)
      for (const publisher of publishers) publisher.publish('t', 1, COUNT / 4, PADDING)
      await subscriber.until(() => subscriber.texts.length === COUNT)
      for (const publisher of publishers) await publisher.until(() => publisher.acknowledged === COUNT / 4)
      assert.deepEqual([subscriber.texts.length, drops], [COUNT, []])
      for (const client of [subscriber, ...publishers]) client.end()
      await broker.close()
    })
  }

  for (const answers of ['slowly', 'never'] as const) {
    it(`and acknowledges ${answers} delays nobody: messages beyond its limit are dropped`, () => unresponsive(answers))
  }

  async function unresponsive(answers: 'slowly' | 'never'): Promise<void> {
    const broker = await createBroker()
    let drops = 0
    broker.on('drop', ({ clientId }) => {
      assert.equal(clientId, 'frozen')
      drops++
    })
    const frozen = await Raw.connect(broker, 5, { clientId: 'frozen' })
    frozen.answers = answers
    frozen.subscribe('t', 1)
    const publisher = await Raw.connect(broker, 5, { clientId: 'publisher' })
    await later(0)
    publisher.publish('t', 1, COUNT, PADDING)
    await publisher.until(() => publisher.acknowledged === COUNT)
    if (answers === 'slowly') assert.ok(frozen.texts.length < COUNT / 2)
    else {
      await frozen.until(() => frozen.texts.length >= 100)
      assert.equal(frozen.texts.length, 100)
    }
    assert.ok(drops > 0)
    for (const client of [frozen, publisher]) client.end()
    await broker.close()
  }

  it('and has to wait itself is not waited for: two clients that publish to each other make progress', async () => {
    const broker = await createBroker()
    const clients = await Promise.all(['one', 'two'].map(clientId => Raw.connect(broker, 5, { clientId })))
    for (const client of clients) client.subscribe('t', 1)
    await later(0)
    for (const client of clients) client.publish('t', 1, 3000, PADDING)
    for (const client of clients) await client.until(() => client.acknowledged === 3000)
    assert.deepEqual(
      clients.map(({ closed }) => closed),
      [false, false],
    )
    for (const client of clients) client.end()
    await broker.close()
  })
})
