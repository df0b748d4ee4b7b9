/** SUBACK promises messages: with a bus of the host, it is sent after the bus has registered the filter. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createMemoryPersistence } from '../../../lib/index.js'
import type { Broker } from '../../../types/broker/broker.js'
import type { Message } from '../../../types/message/message.js'
import type { SubackPacket } from '../../../types/message/packets.js'
import type { SessionPersistence } from '../../../types/persistence.js'
import { HeldPace, Network, type NetworkBus } from '../../support/brokers/host-bus.js'
import { connectTo, withBrokers } from '../../support/brokers/several.js'
import { receiveTexts } from '../../support/clients/exchange.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession } from '../../support/spec.js'

const REFUSED = 0x80

/** A broker whose bus answers when the test allows it. */
function held(title: string, body: (scene: Scene) => Promise<void>): void {
  it(title, async () => {
    const pace = new HeldPace('held')
    const bus = new Network('a copy for each bus', pace).join()
    const store = createMemoryPersistence() as SessionPersistence
    await withBrokers([{ mq: bus, persistence: store }], async ([broker], clock, errors) => {
      const advance = (ms: number) => clock.advance(ms)
      await body({ broker, bus, pace, store, errors, advance })
      pace.letAnswer()
    })
  })
}

interface Scene {
  broker: Broker
  bus: NetworkBus
  pace: HeldPace
  store: SessionPersistence
  errors: unknown[]
  advance(ms: number): Promise<void>
}

function subscribe(client: SpecClient, ...topics: string[]): void {
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: topics.map(topic => ({ topic, qos: 1 })) })
}

async function granted(client: SpecClient): Promise<SubackPacket['granted']> {
  return (await client.expect('suback')).granted
}

held('SUBACK waits until the bus has every filter', async ({ broker, pace, bus }) => {
  const client = await connectTo(broker, 'client')
  subscribe(client, 'a', '$share/g/b')
  await client.expectNothing()
  assert.deepEqual(bus.filters, ['a', 'b'])
  pace.letAnswer()
  assert.deepEqual(await granted(client), [1, 1])
  // a filter that the bus has already is not waited for
  subscribe(client, 'a')
  assert.deepEqual(await granted(client), [1])
})

held('SUBACK of other clients for the same filter waits too', async ({ broker, pace, bus }) => {
  const clients = [await connectTo(broker, 'one'), await connectTo(broker, 'two')]
  for (const client of clients) subscribe(client, 'a')
  for (const client of clients) await client.expectNothing()
  assert.deepEqual(bus.filters, ['a'])
  pace.letAnswer()
  for (const client of clients) assert.deepEqual(await granted(client), [1])
})

for (const fault of ['throws', 'is silent'] as const) {
  held(`a filter is refused if the bus ${fault}, and nothing of it remains`, async scene => {
    const { broker, bus, pace, store, errors, advance } = scene
    const client = await connectTo(broker, 'client', keptSession(5))
    subscribe(client, 'good')
    await client.expectNothing()
    pace.letAnswer()
    assert.deepEqual(await granted(client), [1])
    bus.fault = fault
    subscribe(client, 'good', 'bad', '$share/g/worse')
    await advance(30_000)
    assert.deepEqual(await granted(client), [1, REFUSED, REFUSED])
    assert.deepEqual(bus.filters, ['good'])
    const stored = await store.subscriptionsByClient({ id: 'client' })
    assert.deepEqual(
      stored?.map(({ topic }) => topic),
      ['good'],
    )
    assert.deepEqual(
      errors.map(error => (error as { code: string }).code),
      ['ANAX_ERR_BUS', 'ANAX_ERR_BUS'],
    )
    bus.fault = undefined
    subscribe(client, 'bad')
    await client.expectNothing()
    pace.letAnswer()
    assert.deepEqual(await granted(client), [1])
  })
}

held('messages queued while the bus subscribes are delivered once', async ({ broker, pace }) => {
  const client = await connectTo(broker, 'client', keptSession(5))
  subscribe(client, 'a')
  await client.expectNothing()
  const published = broker.publish({ topic: 'a', qos: 1, payload: 'x' })
  pace.letAnswer()
  await published
  const packets = await client.settle()
  assert.deepEqual(packets.map(({ cmd }) => cmd).sort(), ['publish', 'suback'])
  client.send({ cmd: 'puback', messageId: 1 })
  pace.letThrough()
  assert.deepEqual(await receiveTexts(client), [])
})

held('a resumed session gets the messages queued until the bus has its filters', async ({ broker, pace }) => {
  const client = await connectTo(broker, 'client', keptSession(5))
  subscribe(client, 'a')
  await client.expectNothing()
  pace.letAnswer()
  await granted(client)
  await client.disconnect()
  pace.letAnswer()
  const back = await connectTo(broker, 'client', keptSession(5))
  await back.expectNothing()
  const published = broker.publish({ topic: 'a', qos: 1, payload: 'x' })
  pace.letAnswer()
  await published
  assert.deepEqual(await receiveTexts(back), ['x'])
})

held('a session whose filters the bus refuses is disconnected, as it would get no messages', async scene => {
  const { broker, bus, pace, advance } = scene
  const client = await connectTo(broker, 'client', keptSession(5))
  subscribe(client, 'a')
  await client.expectNothing()
  pace.letAnswer()
  await granted(client)
  await client.disconnect()
  bus.fault = 'is silent'
  const back = await connectTo(broker, 'client', keptSession(5))
  await advance(30_000)
  await back.expectDisconnect(REFUSED)
  assert.deepEqual(bus.filters, [])
  assert.equal((await scene.store.subscriptionsByClient({ id: 'client' }))?.length, 1)
})

held('broker.subscribe waits for the bus', async ({ broker, bus, pace, advance }) => {
  await connectTo(broker, 'client')
  const done: string[] = []
  const listening = broker.subscribe('a', () => {}).then(() => done.push('listening'))
  const subscribed = broker.clients.client!.subscribe({ topic: 'b', qos: 1 }).then(() => done.push('subscribed'))
  await advance(0)
  assert.deepEqual(done, [])
  pace.letAnswer()
  await Promise.all([listening, subscribed])
  bus.fault = 'is silent'
  const refused = [broker.subscribe('c', () => {}), broker.clients.client!.subscribe({ topic: 'd', qos: 1 })]
  const outcomes = Promise.all(refused.map(each => assert.rejects(each, { code: 'ANAX_ERR_BUS' })))
  await advance(30_000)
  await outcomes
  assert.deepEqual(bus.filters, ['a', 'b'])
})

held('each broker.subscribe call for a filter waits for the bus', async ({ broker, pace }) => {
  const heard: string[] = []
  const listen = ({ payload }: Message) => void heard.push(String(payload))
  const done: number[] = []
  const asked = [0, 1].map(async i => {
    await broker.subscribe('a', listen)
    done.push(i)
  })
  await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(done, [])
  pace.letAnswer()
  await Promise.all(asked)
  const published = broker.publish({ topic: 'a', payload: 'x' })
  pace.letThrough()
  pace.letAnswer()
  await published
  assert.deepEqual(heard, ['x'])
})

held('each broker.subscribe call for a filter that the bus refuses is rejected', async scene => {
  const { broker, bus, advance, errors } = scene
  const listen = () => {}
  bus.fault = 'is silent'
  const asked = Promise.allSettled([broker.subscribe('a', listen), broker.subscribe('a', listen)])
  await advance(11_000)
  const outcomes = (await asked).map(outcome => outcome.status === 'rejected' && outcome.reason.code)
  assert.deepEqual(outcomes, ['ANAX_ERR_BUS', 'ANAX_ERR_BUS'])
  assert.deepEqual(bus.filters, [])
  assert.equal(errors.splice(0).length, 1)
})

held('a listener that was removed and added again remains, whatever the result of the first attempt', async scene => {
  const { broker, bus, advance, pace } = scene
  const listen = () => {}
  bus.fault = 'is silent'
  const first = broker.subscribe('a', listen)
  await broker.unsubscribe('a', listen)
  bus.fault = undefined
  const second = broker.subscribe('a', listen)
  pace.letAnswer()
  await second
  const refused = assert.rejects(first, { code: 'ANAX_ERR_BUS' })
  await advance(11_000)
  await refused
  assert.deepEqual(bus.filters, ['a'])
})
