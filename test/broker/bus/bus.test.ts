/**
 * A bus of the host: it registers the wanted filters, acknowledgements wait for it, its failure is a refusal, and a
 * message that it brings for several filters is routed once.
 */
import assert from 'node:assert/strict'
import mqemitter from 'mqemitter'
import type { Bus, BusListener } from '../../../types/bus.js'
import type { Message } from '../../../types/message/message.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { receive, textPacket, texts } from '../../support/clients/traffic.js'
import { keptSession, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

type Done = (error?: Error | null) => void

/** An mqemitter that records calls, and emits when the test says so. */
class TestBus implements Bus {
  /** What `emit` does: at once, delayed, or one of two failures. */
  mode: 'at once' | 'held' | 'fails' | 'throws' = 'at once'
  readonly filters: string[] = []
  readonly #mq = mqemitter() as unknown as Bus
  readonly #held: (() => void)[] = []
  isClosed = false

  on(topic: string, listener: BusListener, done?: () => void): void {
    this.filters.push(topic)
    this.#mq.on(topic, listener, done)
  }

  removeListener(topic: string, listener: BusListener, done?: () => void): void {
    this.filters.splice(this.filters.indexOf(topic), 1)
    this.#mq.removeListener(topic, listener, done)
  }

  emit(message: Message, done: Done = () => {}): void {
    if (this.mode === 'throws') throw new Error('the bus is broken')
    if (this.mode === 'fails') setImmediate(done, new Error('the bus is down'))
    else if (this.mode === 'held') this.#held.push(() => this.#mq.emit(message, done))
    else this.#mq.emit(message, done)
  }

  /** The number of delayed messages. */
  get waiting(): number {
    return this.#held.length
  }

  letPass(): void {
    for (const emit of this.#held.splice(0)) emit()
  }

  close(done?: () => void): void {
    this.isClosed = true
    this.#mq.close(done)
  }
}

/** Declares a test with a bus of its own for each version. */
function withBus(
  title: string,
  body: (bus: TestBus, context: Parameters<Parameters<typeof spec>[2]>[0]) => Promise<void>,
): void {
  for (const version of ALL) {
    const bus = new TestBus()
    spec(title, [version], context => body(bus, context), { mq: bus })
  }
}

withBus(
  'each filter is registered on the bus once, as long as there are subscriptions to it',
  async (bus, { connect }) => {
    assert.deepEqual(bus.filters, [])
    const one = await connect('one')
    const two = await connect('two')
    await one.subscribe({ topic: 'a/+', qos: 0 }, { topic: 'b', qos: 0 }, { topic: '$share/g/c', qos: 0 })
    await two.subscribe({ topic: 'a/+', qos: 1 })
    await two.subscribe({ topic: 'a/+', qos: 0 })
    assert.deepEqual([...bus.filters].sort(), ['a/+', 'b', 'c'])
    one.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a/+', 'b'] })
    await one.expect('unsuback')
    assert.deepEqual([...bus.filters].sort(), ['a/+', 'c'])
    await two.disconnect()
    await one.settle()
    assert.deepEqual(bus.filters, ['c'])
    await one.disconnect()
    await (await connect('three')).settle()
    assert.deepEqual(bus.filters, [])
  },
)

withBus(
  'the filters of a session are removed from the bus while it is disconnected',
  async (bus, { connect, version }) => {
    const client = await connect('client', keptSession(version))
    await client.subscribe({ topic: 'a', qos: 1 })
    await client.disconnect()
    await (await connect('other')).settle()
    assert.deepEqual(bus.filters, [])
    await (await connect('other')).publish({ topic: 'a', qos: 1, payload: Buffer.from('x') })
    const returned = await connect('client', keptSession(version))
    assert.deepEqual(bus.filters, ['a'])
    assert.deepEqual(texts(await receive(returned, 1)), ['x'])
    await returned.expectNothing()
  },
)

withBus('a message for several filters is routed once', async (bus, { broker, connect }) => {
  const one = await connect('one')
  await one.subscribe({ topic: 'a/b', qos: 2 }, { topic: 'a/+', qos: 0 }, { topic: '#', qos: 1 })
  const two = await connect('two')
  await two.subscribe({ topic: 'a/#', qos: 1 })
  const publisher = await connect('publisher')
  for (const qos of [0, 1, 2] as const) {
    await publisher.publish({ topic: 'a/b', qos, payload: Buffer.from(String(qos)) })
    await broker.publish({ topic: 'a/b', qos, payload: `host ${qos}` })
  }
  await publisher.settle()
  assert.equal(bus.filters.length, 4)
  for (const client of [one, two]) {
    const arrived = texts(await receive(client, 6))
    assert.deepEqual([...arrived].sort(), ['0', '1', '2', 'host 0', 'host 1', 'host 2'])
    await client.expectNothing()
  }
})

withBus('messages of another broker, which arrive as plain objects, are routed once', async (bus, { connect }) => {
  const client = await connect('client')
  await client.subscribe({ topic: 'a/b', qos: 1 }, { topic: 'a/+', qos: 0 })
  const message: Message = {
    ...{ cmd: 'publish', brokerId: 'elsewhere', brokerCounter: 1, topic: 'a/b', payload: Buffer.from('x') },
    ...{ qos: 1, retain: false, dup: false, messageId: undefined, clientId: 'far away', properties: undefined },
    messageExpiry: undefined,
  } as Message
  bus.emit(message)
  bus.emit({ ...message, brokerCounter: 2, payload: Buffer.from('y') })
  assert.deepEqual(texts(await receive(client, 2)), ['x', 'y'])
  await client.expectNothing()
})

withBus('acknowledgements wait for the bus', async (bus, { connect }) => {
  const subscriber = await connect('subscriber')
  await subscriber.subscribe({ topic: 'a', qos: 2 })
  const publisher = await connect('publisher')
  bus.mode = 'held'
  publisher.send(textPacket('a', '1', { qos: 1, messageId: 1 }), textPacket('a', '2', { qos: 2, messageId: 2 }))
  await publisher.expectNothing()
  assert.equal(bus.waiting, 2)
  await subscriber.expectNothing()
  bus.letPass()
  assert.equal((await publisher.expect('puback')).messageId, 1)
  assert.equal((await publisher.expect('pubrec')).messageId, 2)
  assert.deepEqual(texts(await receive(subscriber, 2)), ['1', '2'])
})

withBus('the promise of broker.publish waits for the bus', async (bus, { broker, connect }) => {
  bus.mode = 'held'
  let done = false
  const published = broker.publish({ topic: 'a', qos: 1 }).then(() => {
    done = true
  })
  await (await connect('client')).settle()
  assert.equal(done, false)
  bus.letPass()
  await published
})

withBus(
  'a message that the bus delivers late is not delivered twice to a session that is resumed meanwhile',
  async (bus, context) => {
    const { connect, version } = context
    const subscriber = await connect('subscriber', keptSession(version))
    await subscriber.subscribe({ topic: 'a', qos: 2 })
    const publisher = await connect('publisher')
    bus.mode = 'held'
    for (const qos of [1, 2] as const) publisher.send(textPacket('a', String(qos), { qos, messageId: qos }))
    await publisher.settle()
    await subscriber.disconnect()
    const returned = await connect('subscriber', keptSession(version))
    const early = await receiveAvailable(returned)
    bus.letPass()
    await publisher.expect('puback')
    const all = [...early, ...(await receiveAvailable(returned))]
    assert.deepEqual(all, ['1', '2'])
  },
)

async function receiveAvailable(client: SpecClient): Promise<string[]> {
  const arrived: string[] = []
  for (let quiet = 0; quiet < 3; quiet++) {
    for (const packet of await client.settle()) {
      quiet = 0
      if (packet.cmd === 'pubrel') client.send({ cmd: 'pubcomp', messageId: packet.messageId })
      if (packet.cmd !== 'publish') continue
      arrived.push(packet.payload.toString())
      if (packet.qos > 0) client.send({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId: packet.messageId! })
    }
  }
  return arrived
}

for (const mode of ['fails', 'throws'] as const) {
  for (const qos of [1, 2] as const) {
    withBus(
      `a bus that ${mode}: a QoS ${qos} PUBLISH is refused, and other clients are not affected`,
      async (bus, { broker, connect, version }) => {
        const refused: string[] = []
        broker.on('publishRefused', ({ code }) => refused.push(code))
        const other = await connect('other')
        const publisher = await connect('publisher', keptSession(version))
        bus.mode = mode
        publisher.send(textPacket('a', 'x', { qos, messageId: 5 }))
        if (version === 5) assert.equal((await publisher.expect(qos === 1 ? 'puback' : 'pubrec')).reasonCode, 0x80)
        else assert.deepEqual(await publisher.closed(), [])
        assert.deepEqual(refused, ['ANAX_ERR_BUS'])
        await other.expectNothing()
        bus.mode = 'at once'
        const again = version === 5 ? publisher : await connect('publisher', keptSession(version))
        assert.equal(await again.publish({ topic: 'a', qos, messageId: 5, dup: true }), 0)
      },
    )
  }

  withBus(`a bus that ${mode}: broker.publish is rejected`, async (bus, { broker }) => {
    bus.mode = mode
    for (const qos of [0, 1] as const) {
      await assert.rejects(broker.publish({ topic: 'a', qos }), { code: 'ANAX_ERR_BUS' })
    }
    bus.mode = 'at once'
    await broker.publish({ topic: 'a', qos: 1 })
  })
}

withBus('closing the broker closes the bus', async (bus, { broker, clock }) => {
  const closing = broker.close()
  await clock.advance(10_000)
  await closing
  assert.equal(bus.isClosed, true)
})
