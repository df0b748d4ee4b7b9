/**
 * Brokers on a real Redis with `mqemitter-redis`: a message published on one reaches each client of any broker, once
 * and in order.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Broker, createBroker, createMemoryPersistence } from '../../../lib/index.js'
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { Bus } from '../../../types/bus.js'
import type { QoS } from '../../../types/message/packets.js'
import { connectTo } from '../../support/brokers/several.js'
import { acknowledge } from '../../support/clients/exchange.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { nextMessage } from '../../support/clients/traffic.js'
import { Redis, withoutRedis } from '../../support/programs/redis.js'
import { keptSession } from '../../support/spec.js'

/** The last message of a test: on Redis it arrives after all others. */
const END = 'end'

const BUSES = {
  'mqemitter-redis': (redis: Redis) => redis.bus(),
  'mqemitter-redis with a prefix': (redis: Redis) => redis.prefixedBus(),
} satisfies Record<string, (redis: Redis) => Promise<Bus>>

for (const [name, makeBus] of Object.entries(BUSES)) {
  describe(name, { skip: withoutRedis }, () => {
    let redis: Redis
    before(async () => {
      redis = await Redis.start()
    })
    after(() => redis.stop())

    /** Runs a test with two brokers, with a store for each or one for both. */
    const two = (title: string, body: (here: Broker, there: Broker) => Promise<void>) => {
      for (const stores of ['a store each', 'one store'] as const) {
        it(`${title}, with ${stores}`, async () => {
          const common = createMemoryPersistence()
          const errors: unknown[] = []
          const make = async (id: string) => {
            const options: BrokerOptions = { id, mq: await makeBus(redis) }
            if (stores === 'one store') options.persistence = common
            const broker = await createBroker(options)
            broker.on('storeError', error => errors.push(error))
            return broker
          }
          const brokers = [await make(`here: ${title} ${stores}`), await make(`there: ${title} ${stores}`)] as const
          try {
            await body(...brokers)
            assert.deepEqual(errors, [])
          } finally {
            await Promise.all(brokers.map(broker => broker.close()))
          }
        })
      }
    }

    two('a message that matches several filters is delivered once, from either broker', async (here, there) => {
      const clients = [
        await connectTo(here, 'clean'),
        await connectTo(here, 'kept', keptSession(5)),
        await connectTo(there, 'far'),
      ]
      for (const client of clients) {
        await client.subscribe({ topic: 'a/b', qos: 1 }, { topic: 'a/+', qos: 2 }, { topic: '#', qos: 0 })
      }
      for (const broker of [here, there]) {
        for (const qos of [0, 1, 2] as const)
          await broker.publish({ topic: 'a/b', qos, payload: `${broker.id} ${qos}` })
      }
      const expected = [here, there].flatMap(({ id }) => [0, 1, 2].map(qos => `${id} ${qos}`))
      for (const client of clients) assert.deepEqual(await untilEnd(client, here, there), expected)
    })

    two('all fields of a message arrive', async (here, there) => {
      const client = await connectTo(here, 'client')
      await client.subscribe({ topic: 'a', qos: 1 })
      const properties = {
        messageExpiryInterval: 100,
        contentType: 'text',
        correlationData: Buffer.from([0, 255]),
        userProperties: { b: ['1', '2'], a: '3' },
      }
      await there.publish({ topic: 'a', qos: 1, payload: Buffer.from([0, 128, 255]), properties })
      const packet = await nextMessage(client, 1)
      assert.deepEqual([...packet.payload], [0, 128, 255])
      assert.deepEqual([...(packet.properties?.correlationData ?? [])], [0, 255])
      assert.deepEqual({ ...packet.properties?.userProperties }, properties.userProperties)
      assert.equal(packet.properties?.contentType, 'text')
    })

    two(
      'a session that stops acknowledging loses nothing, and gets unacknowledged messages again',
      async (here, there) => {
        const kept = keptSession(5)
        const slow = { ...kept, properties: { ...kept.properties, receiveMaximum: 1 } }
        const client = await connectTo(here, 'client', slow)
        await client.subscribe({ topic: 'a', qos: 2 })
        for (const qos of [1, 2, 1, 2] as const) await there.publish({ topic: 'a', qos, payload: 'x' })
        await nextMessage(client, 1)
        await here.publish({ topic: 'a', qos: 1, payload: 'own' })
        await client.drop()
        const back = await connectTo(here, 'client', slow)
        const texts = await untilEnd(back, here, there)
        assert.deepEqual(texts.toSorted(), ['own', 'x', 'x', 'x', 'x'])
      },
    )

    two('client.publish does not cause a second delivery of messages that are on the bus', async (here, there) => {
      const client = await connectTo(here, 'client', keptSession(5))
      await client.subscribe({ topic: 'a', qos: 1 })
      for (let round = 0; round < 50; round++) {
        await Promise.all([here, there].map(broker => broker.publish({ topic: 'a', qos: 1, payload: `${round}` })))
        await here.clients.client!.publish({ topic: 'mine', qos: 1, payload: 'mine' })
      }
      const texts = await untilEnd(client, here, there)
      const expected = Array.from({ length: 50 }, (_, round) => [`${round}`, `${round}`, 'mine']).flat()
      assert.deepEqual(texts.toSorted(), expected.toSorted())
    })

    two('after SUBACK messages of the other broker arrive', async (here, there) => {
      const client = await connectTo(here, 'client')
      for (let round = 0; round < 50; round++) {
        await client.subscribe({ topic: `t/${round}`, qos: 1 })
        await there.publish({ topic: `t/${round}`, qos: 1, payload: `${round}` })
        assert.equal((await nextMessage(client, 1)).payload.toString(), `${round}`)
        client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [`t/${round}`] })
        await client.expect('unsuback')
      }
    })
  })
}

/**
 * Receives and acknowledges until the last message of each broker has arrived.
 * @returns the messages before it
 */
async function untilEnd(client: SpecClient, ...brokers: Broker[]): Promise<string[]> {
  client.send({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: END, qos: 1 }] })
  const texts: string[] = []
  let open = brokers.length
  while (open > 0) {
    const packet = await client.next()
    if (packet.cmd === 'suback') {
      for (const broker of brokers) await broker.publish({ topic: END, qos: 1 as QoS, payload: END })
    } else if (packet.cmd === 'pubrel') {
      client.send({ cmd: 'pubcomp', messageId: packet.messageId })
    } else {
      assert.equal(packet.cmd, 'publish')
      if (packet.cmd !== 'publish') continue
      acknowledge(client, packet)
      if (packet.topic === END) open--
      else texts.push(packet.payload.toString())
    }
  }
  return texts
}
