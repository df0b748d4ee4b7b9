/** Several brokers on one bus, with separate stores or a shared one: no message is lost or duplicated. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import mqemitter from 'mqemitter'
import { createMemoryPersistence } from '../../../lib/index.js'
import type { Broker } from '../../../types/broker/broker.js'
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { Bus } from '../../../types/bus.js'
import type { ConnectPacket } from '../../../types/message/packets.js'
import type { AedesPersistence } from '../../../types/persistence.js'
import { type Carrying, HeldPace, Network } from '../../support/brokers/host-bus.js'
import { connectTo, withBrokers } from '../../support/brokers/several.js'
import { receiveTexts } from '../../support/clients/exchange.js'
import { nextMessage } from '../../support/clients/traffic.js'
import { keptSession } from '../../support/spec.js'

type Two = readonly [Broker, Broker]

const CARRYING: readonly Carrying[] = ['the same object', 'a copy for each bus', 'a copy for each filter']

const STORES: Record<string, () => AedesPersistence> = {
  memory: () => createMemoryPersistence(),
  'aedes-persistence': () => {
    const Persistence = createRequire(import.meta.url)('aedes-persistence/asyncPersistence.js')
    return new Persistence() as AedesPersistence
  },
}

/** Runs a test for each kind of bus, each store, and separate stores or a shared one. */
function two(title: string, body: (brokers: Two, pace: HeldPace) => Promise<void>): void {
  describe(title, () => {
    for (const carrying of CARRYING) {
      for (const [name, make] of Object.entries(STORES)) {
        for (const sharing of ['a store each', 'one store'] as const) {
          it(`${carrying}, ${name}, ${sharing}`, async () => {
            const pace = new HeldPace()
            const network = new Network(carrying, pace)
            const one = make()
            const other = sharing === 'one store' ? one : make()
            const options: [BrokerOptions, BrokerOptions] = [
              { id: 'here', mq: network.join(), persistence: one },
              { id: 'there', mq: network.join(), persistence: other },
            ]
            await withBrokers(options, async (brokers, _, errors) => {
              await body(brokers, pace)
              assert.deepEqual(errors, [])
            })
          })
        }
      }
    }
  })
}

/** The CONNECT of a stored session that accepts one message at a time. */
function oneAtATime(): Partial<ConnectPacket> {
  const kept = keptSession(5)
  return { ...kept, properties: { ...kept.properties, receiveMaximum: 1 } }
}

/** Publishes on one broker, and lets the bus deliver. */
async function publishThere([, there]: Two, pace: HeldPace, ...payloads: string[]): Promise<void> {
  for (const payload of payloads) await there.publish({ topic: 'a', qos: 1, payload })
  pace.letThrough()
}

two('a message of another broker is delivered once, whatever the session', async ([here, there], pace) => {
  const clients = [await connectTo(here, 'clean'), await connectTo(here, 'kept', keptSession(5))]
  for (const client of clients) await client.subscribe({ topic: 'a/b', qos: 1 }, { topic: 'a/+', qos: 2 })
  for (const qos of [0, 1, 2] as const) await there.publish({ topic: 'a/b', qos, payload: `${qos}` })
  pace.letThrough()
  for (const client of clients) assert.deepEqual((await receiveTexts(client)).sort(), ['0', '1', '2'])
  await here.publish({ topic: 'a/b', qos: 1, payload: 'own' })
  pace.letThrough()
  for (const client of clients) assert.deepEqual(await receiveTexts(client), ['own'])
})

two('a message of another broker waits for a client that accepts no more', async ([here, there], pace) => {
  const client = await connectTo(here, 'client', oneAtATime())
  await client.subscribe({ topic: 'a', qos: 1 })
  await publishThere([here, there], pace, '1')
  const { messageId } = await nextMessage(client, 1)
  await publishThere([here, there], pace, '2', '3')
  await client.expectNothing()
  client.send({ cmd: 'puback', messageId })
  assert.deepEqual(await receiveTexts(client), ['2', '3'])
})

two(
  'a message of another broker is sent again to a client that reconnects without having acknowledged it',
  async ([here, there], pace) => {
    const client = await connectTo(here, 'client', oneAtATime())
    await client.subscribe({ topic: 'a', qos: 1 })
    await publishThere([here, there], pace, '1', '2')
    await nextMessage(client, 1)
    await client.drop()
    const back = await connectTo(here, 'client', keptSession(5))
    assert.deepEqual(await receiveTexts(back), ['1', '2'])
  },
)

two('a message that a session got from its queue is not delivered again', async ([here, there], pace) => {
  // as long as this one is connected, the bus keeps bringing the filter
  await (await connectTo(here, 'other')).subscribe({ topic: 'a', qos: 0 })
  const client = await connectTo(here, 'client', keptSession(5))
  await client.subscribe({ topic: 'a', qos: 1 })
  await there.publish({ topic: 'a', qos: 1, payload: 'x' })
  // reads the queue, which has both messages if the store is shared
  await here.clients.client!.publish({ topic: 'a', qos: 1, payload: 'y' })
  const early = await receiveTexts(client)
  await client.disconnect()
  const back = await connectTo(here, 'client', keptSession(5))
  const between = await receiveTexts(back)
  pace.letThrough()
  assert.deepEqual([...early, ...between, ...(await receiveTexts(back))].sort(), ['x', 'y'])
})

two('a QoS 0 message of another broker does not overtake its earlier messages', async ([here, there], pace) => {
  const client = await connectTo(here, 'client', keptSession(5))
  await client.subscribe({ topic: 'a', qos: 1 })
  for (const [qos, payload] of [
    [1, '1'],
    [0, '2'],
    [1, '3'],
    [0, '4'],
  ] as const) {
    await there.publish({ topic: 'a', qos, payload })
  }
  pace.letThrough()
  assert.deepEqual(await receiveTexts(client), ['1', '2', '3', '4'])
})

two('a message of another broker stays with a group member until it is acknowledged', async ([here, there], pace) => {
  const client = await connectTo(here, 'client', oneAtATime())
  await client.subscribe({ topic: '$share/g/a', qos: 1 })
  await publishThere([here, there], pace, '1', '2')
  await nextMessage(client, 1)
  await client.drop()
  const back = await connectTo(here, 'client', keptSession(5))
  assert.deepEqual(await receiveTexts(back), ['1', '2'])
})

describe('a message without a broker', () => {
  it('is queued for a session like any other', async () => {
    const mq = mqemitter() as unknown as Bus
    await withBrokers([{ mq }], async ([broker]) => {
      const clients = [await connectTo(broker, 'one', oneAtATime()), await connectTo(broker, 'two', oneAtATime())]
      for (const client of clients) await client.subscribe({ topic: 'a', qos: 1 })
      for (const payload of ['1', '2']) mq.emit({ topic: 'a', qos: 1, payload: Buffer.from(payload) })
      for (const client of clients) assert.deepEqual(await receiveTexts(client), ['1', '2'])
    })
  })
})

describe('two brokers on one emitter', () => {
  it('both route what each of them publishes', async () => {
    const mq = mqemitter() as unknown as Bus
    await withBrokers([{ mq }, { mq }], async brokers => {
      const clients = await Promise.all(brokers.map(broker => connectTo(broker, 'client')))
      for (const client of clients) await client.subscribe({ topic: 'a', qos: 1 })
      for (const [index, broker] of brokers.entries()) await broker.publish({ topic: 'a', qos: 1, payload: `${index}` })
      for (const client of clients) assert.deepEqual(await receiveTexts(client), ['0', '1'])
    })
  })
})
