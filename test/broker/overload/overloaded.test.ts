/** The broker during an overload, and how the overload ends. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Broker, createBroker } from '../../../lib/index.js'
import { publishText, receiveTexts } from '../../support/clients/exchange.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { fakeMemory } from '../../support/memory.js'

interface Scene {
  version: 3 | 4 | 5
  broker: Broker
  dial(): SpecClient
  connect(clientId: string): Promise<SpecClient>
  begin(): void
  end(): void
}

function overloadTest(title: string, body: (scene: Scene) => Promise<void>): void {
  for (const version of [3, 4, 5] as const) {
    test(`${title} (version ${version})`, async t => {
      const look = fakeMemory(t)
      const broker = await createBroker({ maxMemoryBytes: 1000 })
      const dial = () => new SpecClient(broker, version)
      const connect = async (clientId: string) => {
        const client = dial()
        const { returnCode, reasonCode } = await client.connect({ clientId })
        assert.equal(reasonCode ?? returnCode, 0)
        return client
      }
      await body({ version, broker, dial, connect, begin: () => look(2000, 2), end: () => look(0, 6) })
      await broker.close()
    })
  }
}

overloadTest(
  'an overloaded broker refuses clients before a hook is called, with the code of their version',
  async ({ broker, connect, dial, version, begin, end }) => {
    const asked: string[] = []
    const told: string[] = []
    broker.preConnect = (_, { clientId }) => asked.push(`preConnect ${clientId}`) > 0
    broker.authenticate = ({ id }) => asked.push(`authenticate ${id}`) > 0
    broker.on('connectionError', (_, { code }) => told.push(code))
    broker.on('overload', ({ cause, memoryBytes }) => told.push(`overload ${cause} ${memoryBytes}`))
    broker.on('overloadEnd', ({ cause, memoryBytes }) => told.push(`overloadEnd ${cause} ${memoryBytes}`))
    const client = await connect('before')
    asked.length = 0

    begin()
    for (const clientId of ['during', 'before']) {
      const { returnCode, reasonCode } = await dial().connect({ clientId })
      assert.deepEqual(version === 5 ? reasonCode : returnCode, version === 5 ? 0x89 : 3)
    }
    assert.deepEqual(asked, [])
    assert.deepEqual(await client.settle(), [], 'connected clients stay connected')
    assert.equal(broker.overloaded, true)
    const { overload, connections } = broker.stats()
    assert.deepEqual([overload.cause, overload.times, overload.memoryBytes], ['memory', 1, 2000])
    assert.deepEqual(connections.refused, { ANAX_ERR_OVERLOADED: 2 })

    end()
    await connect('after')
    assert.equal(broker.overloaded, false)
    assert.equal(broker.stats().overload.cause, undefined)
    const refused = 'ANAX_ERR_OVERLOADED'
    assert.deepEqual(told, ['overload memory 2000', refused, refused, 'overloadEnd memory 0'])
  },
)

overloadTest(
  'an overloaded broker drops and counts QoS 0 messages, and no others',
  async ({ broker, connect, begin, end }) => {
    const dropped: string[] = []
    broker.on('drop', ({ clientId, message, reason }) => dropped.push(`${clientId} ${message.topic} ${reason}`))
    const [first, second, publisher] = [await connect('first'), await connect('second'), await connect('publisher')]
    await first.subscribe({ topic: '#', qos: 1 })
    await second.subscribe({ topic: '#', qos: 0 })
    const heard: string[] = []
    await broker.subscribe('#', ({ topic }) => heard.push(topic))

    begin()
    await publishText(publisher, 'qos0', 'a')
    await publishText(publisher, 'qos1', 'b', { qos: 1 })
    assert.deepEqual(await receiveTexts(first), ['b'])
    assert.deepEqual(await receiveTexts(second), [])
    assert.deepEqual(dropped, ['first qos0 overload', 'second qos0 overload', 'second qos1 overload'])
    assert.equal(broker.drops.overload, 3)
    assert.deepEqual(heard, ['qos0', 'qos1'], 'listeners of the application get all messages')

    end()
    await publishText(publisher, 'qos0', 'c')
    assert.deepEqual(await receiveTexts(first), ['c'])
    assert.deepEqual(await receiveTexts(second), ['c'])
  },
)

overloadTest(
  'a client whose queue takes the memory is let in, and gets it; others are still refused',
  async ({ broker, version, dial, connect, begin }) => {
    const kept = { clean: false, ...(version === 5 && { properties: { sessionExpiryInterval: 60 } }) }
    for (const clientId of ['meter', 'idle']) {
      const client = dial()
      await client.connect({ clientId, ...kept })
      await client.subscribe({ topic: clientId, qos: 1 })
      await client.disconnect()
    }
    const publisher = await connect('publisher')
    await publishText(publisher, 'meter', 'a', { qos: 1 })
    await publishText(publisher, 'meter', 'b', { qos: 1 })

    begin()
    assert.equal(broker.refusesAll, false)
    for (const clientId of ['idle', 'unknown']) {
      const { returnCode, reasonCode } = await dial().connect({ clientId, ...kept })
      assert.equal(reasonCode ?? returnCode, version === 5 ? 0x89 : 3, clientId)
    }
    const meter = dial()
    await meter.connect({ clientId: 'meter', ...kept })
    assert.deepEqual(await receiveTexts(meter), ['a', 'b'])
    assert.equal(broker.stats().queued.messages, 0)
    await meter.disconnect()

    assert.equal(broker.refusesAll, true, 'nothing is left to drain')
    const { returnCode, reasonCode } = await dial().connect({ clientId: 'meter', ...kept })
    assert.equal(reasonCode ?? returnCode, version === 5 ? 0x89 : 3)
  },
)

overloadTest('an overloaded broker accepts clients of the application', async ({ broker, begin }) => {
  begin()
  const client = await broker.client({ clientId: 'own' })
  await client.publish('a', 'b', { qos: 1 })
  await client.disconnect()
})
