/**
 * Operations that the store refuses when a client connects or disconnects are retried: no session stays without a
 * deadline, and no will is published twice.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker } from '../../../lib/index.js'
import { createMemoryPersistence } from '../../../lib/persistence/memory/memory.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { ConnectPacket, Will } from '../../../types/message/packets.js'
import { type Failure, failingStore, STORES } from '../../support/brokers/stores.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession } from '../../support/spec.js'

const FAILURES: readonly Failure[] = ['throws', 'rejects', 'rejects late']

function will(delay?: number): Will {
  const properties = delay === undefined ? {} : { properties: { willDelayInterval: delay } }
  return { topic: 'wills', payload: Buffer.from('x'), qos: 1, retain: false, ...properties }
}

async function scene() {
  const clock = new FakeClock()
  const memory = createMemoryPersistence({ now: () => clock.now() })
  const failing = failingStore(memory)
  const broker = await createBroker({ clock, persistence: failing.store })
  const told: string[] = []
  const wills: string[] = []
  broker.on('storeError', ({ code }) => told.push(code))
  broker.on('sessionEnded', (clientId, reason) => told.push(`${clientId} ${reason}`))
  broker.on('publish', ({ topic, payload }) => topic === 'wills' && wills.push(String(payload)))
  return {
    ...{ clock, memory, failing, broker, told, wills },
    connect: async (packet: Partial<ConnectPacket> = {}) => {
      const client = new SpecClient(broker, 5)
      return { client, connack: await client.connect({ clientId: 'client', ...keptSession(5, 100), ...packet }) }
    },
    close: async () => {
      const closing = broker.close()
      await clock.advance(60_000)
      await closing
      assert.equal(clock.pendingTimers, 0)
    },
  }
}

for (const how of FAILURES) {
  for (const name of ['saveSession', 'saveWill'] as const) {
    test(`${name} fails at CONNECT: no session remains without a client (${how})`, async () => {
      const { clock, memory, failing, connect, close } = await scene()
      failing.fail(name, how)
      const { connack } = await connect({ will: will() })
      assert.equal(connack.reasonCode, 0x88)
      failing.fail(undefined)
      await clock.advance(5000)
      assert.equal(await memory.openSession('client'), undefined)
      assert.equal(await memory.getWill({ id: 'client' }), undefined)
      await close()
    })

    test(`${name} fails when a session is resumed: the session still expires on time (${how})`, async () => {
      const { clock, failing, told, connect, close } = await scene()
      const { client } = await connect()
      await client.drop()
      await clock.advance(50_000)
      failing.fail(name, how)
      const { connack } = await connect({ will: will() })
      assert.equal(connack.reasonCode, 0x88)
      failing.fail(undefined)
      await clock.advance(45_000)
      assert(!told.includes('client expired'))
      await clock.advance(6000)
      assert(told.includes('client expired'), String(told))
      await close()
    })
  }

  test(`saveSession fails when the connection ends: the expiry of the session is stored by a retry (${how})`, async () => {
    const { clock, memory, failing, told, connect, close } = await scene()
    const { client } = await connect()
    failing.fail('saveSession', how)
    await client.drop()
    await clock.advance(3500)
    assert.deepEqual(told, Array(4).fill('ANAX_ERR_STORE'))
    assert.equal(memory.openSession('client')?.expiresAt, undefined)
    failing.fail(undefined)
    await clock.advance(1000)
    assert.notEqual(memory.openSession('client')?.expiresAt, undefined)
    await clock.advance(94_000)
    assert(!told.includes('client expired'))
    await clock.advance(3000)
    assert(told.includes('client expired'))
    await close()
  })

  test(`a client that reconnects before the retry finds its session (${how})`, async () => {
    const { clock, memory, failing, connect, close } = await scene()
    const { client } = await connect()
    failing.fail('saveSession', how)
    await client.drop()
    await clock.advance(100)
    failing.fail(undefined)
    const { connack, client: back } = await connect()
    assert.equal(connack.sessionPresent, true)
    await clock.advance(5000)
    assert.equal(memory.openSession('client')?.expiresAt, undefined)
    await back.expectNothing()
    await close()
  })

  for (const name of ['getWill', 'subscriptionsByClient', 'deleteSession'] as const) {
    test(`a session that its client ends while ${name} fails is removed later (${how})`, async () => {
      const { clock, memory, failing, told, connect, close } = await scene()
      const { client } = await connect()
      failing.fail(name, how)
      await client.disconnect({ properties: { sessionExpiryInterval: 0 } })
      await clock.advance(2000)
      failing.fail(undefined)
      await clock.advance(2000)
      assert.equal(memory.openSession('client'), undefined)
      assert.equal(told.at(-1), 'client expired')
      await close()
    })
  }

  test(`a delayed will that cannot be stored is still published on time, and its session expires (${how})`, async () => {
    const { clock, memory, failing, wills, connect, close } = await scene()
    const { client } = await connect({ will: will(20) })
    failing.fail('saveWill', how)
    await client.drop()
    await clock.advance(100)
    assert.notEqual(memory.openSession('client')?.expiresAt, undefined)
    failing.fail(undefined)
    await clock.advance(18_000)
    assert.deepEqual(wills, [])
    await clock.advance(3000)
    assert.deepEqual(wills, ['x'])
    await close()
  })

  for (const ending of ['at once', 'after its delay'] as const) {
    test(`a will that was published ${ending} and cannot be deleted is published once (${how})`, async () => {
      const { clock, memory, failing, wills, connect, close } = await scene()
      const { client } = await connect({ will: will(ending === 'at once' ? undefined : 20) })
      failing.fail('deleteWill', how)
      await client.drop()
      await clock.advance(30_000)
      assert.deepEqual(wills, ['x'])
      failing.fail(undefined)
      await clock.advance(80_000)
      assert.equal(memory.getWill({ id: 'client' }), undefined)
      assert.equal(memory.openSession('client'), undefined)
      assert.deepEqual(wills, ['x'])
      await close()
    })
  }

  for (const next of ['the same session', 'another will', 'a clean session'] as const) {
    test(`a will that the store fails to return is published before its client reconnects with ${next} (${how})`, async () => {
      const { clock, failing, broker, wills, connect, close } = await scene()
      const { client } = await connect({ will: will() })
      failing.fail('subscriptionsByTopic', how)
      await client.drop()
      await clock.advance(10)
      const packet = { 'the same session': {}, 'another will': { will: will() }, 'a clean session': { clean: true } }[
        next
      ]
      assert.equal((await connect(packet)).connack.reasonCode, 0x80)
      assert.deepEqual(wills, [])
      failing.fail(undefined)
      let published: unknown
      broker.once('client', () => {
        published = [...wills]
      })
      assert.equal((await connect(packet)).connack.reasonCode, 0)
      assert.deepEqual(published, ['x'])
      await clock.advance(5000)
      assert.deepEqual(wills, ['x'])
      await close()
    })
  }

  test(`a will that its client removed, and that cannot be deleted, is not published at the end of the session (${how})`, async () => {
    const { clock, memory, failing, wills, told, connect, close } = await scene()
    const { client } = await connect({ will: will() })
    failing.fail('deleteWill', how)
    await client.disconnect()
    await clock.advance(120_000)
    failing.fail(undefined)
    await clock.advance(5000)
    assert.equal(told.at(-1), 'client expired')
    assert.equal(memory.getWill({ id: 'client' }), undefined)
    assert.deepEqual(wills, [])
    await close()
  })
}

/**
 * A broker on a store that has only the contract of `aedes-persistence`, and a client that disconnects for less than a
 * minute.
 */
async function foreignScene() {
  const clock = new FakeClock()
  const failing = failingStore(STORES['aedes-persistence']!(clock))
  const broker = await createBroker({ clock, persistence: failing.store })
  const client = new SpecClient(broker, 5)
  await client.connect({ clientId: 'client', ...keptSession(5, 50), will: will(20) })
  await client.subscribe({ topic: 'a', qos: 1 })
  await client.drop()
  await clock.advance(100)
  return { clock, failing, broker }
}

for (const how of FAILURES) {
  for (const name of ['cleanSubscriptions', 'cleanIncoming', 'outgoingStream', 'outgoingClearMessageId']) {
    test(`a session of an Aedes store that fails at ${name} is removed later (${how})`, async () => {
      const { clock, failing, broker } = await foreignScene()
      const ended: string[] = []
      broker.on('sessionEnded', clientId => ended.push(clientId))
      await broker.publish({ topic: 'a', payload: 'x', qos: 1 })
      failing.fail(name, how)
      await clock.advance(51_000)
      assert.deepEqual(ended, [])
      failing.fail(undefined)
      await clock.advance(2000)
      assert.deepEqual(ended, ['client'])
      const closing = broker.close()
      await clock.advance(60_000)
      await closing
    })
  }

  test(`a will that an Aedes store fails to delete for a client that has reconnected stays due (${how})`, async () => {
    const { clock, failing, broker } = await foreignScene()
    const wills: string[] = []
    broker.on('publish', ({ payload }) => wills.push(String(payload)))
    failing.fail('delWill', how)
    const { reasonCode } = await new SpecClient(broker, 5).connect({ clientId: 'client', ...keptSession(5, 50) })
    assert.equal(reasonCode, 0x88)
    failing.fail(undefined)
    await clock.advance(21_000)
    assert.deepEqual(wills, ['x'])
    const closing = broker.close()
    await clock.advance(60_000)
    await closing
  })
}

test('a session that cannot be removed does not prevent others from being removed', async () => {
  const { clock, memory, broker, told, close } = await scene()
  for (const clientId of ['one', 'two', 'three']) {
    const client = new SpecClient(broker, 5)
    await client.connect({ clientId, ...keptSession(5, 10) })
    await client.drop()
  }
  await clock.advance(100)
  const deleteSession = memory.deleteSession.bind(memory)
  memory.deleteSession = clientId => {
    if (clientId === 'one') throw new Error('damaged')
    deleteSession(clientId)
  }
  await clock.advance(10_500)
  assert.deepEqual(told.toSorted(), ['ANAX_ERR_STORE', 'three expired', 'two expired'])
  await close()
})

test('failed writes are retried when the broker closes: a published will is no longer stored', async () => {
  const { memory, failing, wills, connect, broker, clock } = await scene()
  const { client } = await connect({ will: will() })
  failing.fail('deleteWill')
  const gone = new Promise(resolve => broker.once('clientDisconnect', resolve))
  await client.drop()
  await gone
  assert.deepEqual(wills, ['x'])
  failing.fail(undefined)
  let left: unknown
  memory.destroy = () => {
    left = memory.getWill({ id: 'client' })
  }
  const closing = broker.close()
  await clock.advance(1)
  await closing
  assert.equal(left, undefined)
})
