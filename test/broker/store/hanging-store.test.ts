/**
 * A store or a hook that never answers: nothing waits for it forever, and a client that keeps reconnecting does not
 * accumulate.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Broker, createBroker } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { Client } from '../../../types/client/client.js'
import type { Packet, ProtocolVersion, Will } from '../../../types/message/packets.js'
import { heldStore, STORES } from '../../support/brokers/stores.js'
import { connectPacket, SpecClient } from '../../support/clients/spec-client.js'
import { textPacket } from '../../support/clients/traffic.js'
import { keptSession } from '../../support/spec.js'

const WILL: Will = { topic: 'wills', payload: Buffer.from('x'), qos: 1, retain: false }

/** A broker on a store whose answers can be held back. */
async function scene(version: ProtocolVersion, options: BrokerOptions = {}) {
  const clock = new FakeClock()
  const held = heldStore(STORES.memory!(clock))
  const broker = await createBroker({ clock, persistence: held.store, ...options })
  const told: string[] = []
  broker.on('storeError', ({ code, message }) => told.push(`${code} ${message.split(': ')[1]}`))
  broker.on('connectionError', (_, { code }) => told.push(code))
  const kept = keptSession(version, 1000)
  return {
    ...{ broker, clock, held, told },
    /** Connects, and returns the broker's side of the client as well. */
    dial: (packet: { will?: Will } = {}) => {
      const [client, ours] = dialled(broker, version)
      client.send(connectPacket(version, { ...kept, ...packet }))
      return { client, ours }
    },
    close: async () => {
      const closing = broker.close()
      for (let i = 0; i < 20; i++) await clock.advance(1000)
      await closing
      assert.equal(clock.pendingTimers, 0)
    },
  }
}

function dialled(broker: Broker, version: ProtocolVersion): [SpecClient, Client] {
  let ours: Client | undefined
  const handle: Broker['handle'] = (stream, request) => {
    ours = broker.handle(stream, request)
    return ours
  }
  return [new SpecClient({ handle }, version), ours!]
}

/** The only packet that a refused client got. */
async function refusal(client: SpecClient): Promise<number | undefined> {
  const [connack, ...more] = await client.closed()
  assert.deepEqual([connack?.cmd, more], ['connack', []])
  const { reasonCode, returnCode } = connack as Extract<Packet, { cmd: 'connack' }>
  return reasonCode ?? returnCode
}

/** The operations that release a session; wills are delayed in 5.0 only. */
const RELEASING = {
  4: ['saveSession', 'deleteWill', 'subscriptionsByTopic'],
  5: ['saveSession', 'saveWill', 'deleteWill', 'subscriptionsByTopic'],
} as const

for (const version of [4, 5] as const) {
  for (const name of RELEASING[version]) {
    test(`a client whose previous connection waits for ${name} is accepted after storeTimeoutMs (version ${version})`, async () => {
      const { clock, held, told, dial, close } = await scene(version, { storeTimeoutMs: 2000 })
      const first = dial({ will: name === 'saveWill' ? { ...WILL, properties: { willDelayInterval: 100 } } : WILL })
      await first.client.expect('connack')
      held.hold(name)
      first.client.stream.destroy()
      await clock.advance(1000)
      const second = dial()
      await clock.advance(800)
      assert.equal(second.ours.connecting, true)
      held.hold('')
      await clock.advance(5000)
      assert.equal((await second.client.expect('connack')).sessionPresent, true)
      assert.equal(first.ours.closed, true)
      assert.deepEqual(
        told.map(event => event.split(' ')[0]),
        ['ANAX_ERR_STORE'],
      )
      held.letGo()
      await second.client.expectNothing()
      await close()
    })
  }

  test(`of connections that wait for one session only the newest keeps waiting, the others are refused (version ${version})`, async () => {
    const { broker, clock, held, told, dial, close } = await scene(version)
    const first = dial()
    await first.client.expect('connack')
    held.hold('saveSession')
    first.client.stream.destroy()
    await clock.advance(10)
    const waiting = []
    for (let i = 0; i < 50; i++) {
      waiting.push(dial())
      await clock.advance(10)
    }
    for (const { client, ours } of waiting.slice(0, -1)) {
      assert.equal(await refusal(client), version === 5 ? 0x89 : 3)
      assert.equal(ours.closed, true)
    }
    assert.deepEqual(told, Array(49).fill('ANAX_ERR_TAKEN_OVER'))
    held.letGo()
    const last = waiting.at(-1)!
    assert.equal((await last.client.expect('connack')).sessionPresent, true)
    assert.equal(broker.connectedClients, 1)
    await last.client.expectNothing()
    await close()
  })

  test(`a client whose session cannot be opened in time is refused, and may connect later (version ${version})`, async () => {
    const { clock, held, told, dial, close } = await scene(version, { storeTimeoutMs: 2000 })
    held.hold('openSession')
    const first = dial()
    await clock.advance(2100)
    assert.equal(await refusal(first.client), version === 5 ? 0x88 : 3)
    assert.equal(first.ours.closed, true)
    assert.deepEqual(told, ['ANAX_ERR_SERVER_UNAVAILABLE'])
    held.letGo()
    await dial().client.expect('connack')
    await close()
  })

  test(`a PUBLISH that the store does not answer is refused, and its client stays connected (version ${version})`, async () => {
    const { clock, held, dial, close } = await scene(version, { storeTimeoutMs: 2000 })
    const { client } = dial()
    await client.expect('connack')
    held.hold('subscriptionsByTopic')
    client.send(textPacket('a', 'x', { qos: 1, messageId: 1 }))
    await clock.advance(2100)
    if (version === 5) assert.equal((await client.expect('puback')).reasonCode, 0x80)
    else assert.deepEqual(await client.closed(), [])
    held.letGo()
    await close()
  })

  test(`a client that waits for a session because of a hook that never answers is refused after connectTimeout (version ${version})`, async () => {
    const options = { hookTimeoutMs: 0, connectTimeout: 5000 }
    const { broker, clock, told, dial, close } = await scene(version, options)
    let answer = (_: boolean) => {}
    broker.authorizePublish = () =>
      new Promise(resolve => {
        answer = resolve
      })
    const first = dial({ will: WILL })
    await first.client.expect('connack')
    first.client.stream.destroy()
    await clock.advance(10)
    for (let i = 0; i < 3; i++) {
      const second = dial()
      await clock.advance(5100)
      assert.equal(await refusal(second.client), version === 5 ? 0x88 : 3)
      assert.equal(second.ours.closed, true)
    }
    assert.deepEqual(told, Array(3).fill('ANAX_ERR_SERVER_UNAVAILABLE'))
    const third = dial()
    await clock.advance(10)
    answer(true)
    assert.equal((await third.client.expect('connack')).sessionPresent, true)
    await close()
  })

  test(`a client is refused after connectTimeout if a hook never answers, and nothing of it remains (version ${version})`, async () => {
    const options = { hookTimeoutMs: 0, connectTimeout: 5000 }
    for (const hook of ['preConnect', 'authenticate'] as const) {
      const { broker, clock, told, dial, close } = await scene(version, options)
      broker[hook] = () => new Promise<boolean>(() => {})
      const { client, ours } = dial()
      await clock.advance(5100)
      assert.equal(await refusal(client), version === 5 ? 0x88 : 3)
      assert.equal(ours.closed, true)
      assert.deepEqual(told, ['ANAX_ERR_SERVER_UNAVAILABLE'])
      await close()
    }
  })
}

test('a connection that ends while it waits for its session waits no longer', async () => {
  const { broker, clock, held, dial, close } = await scene(5)
  const first = dial()
  await first.client.expect('connack')
  held.hold('saveSession')
  first.client.stream.destroy()
  await clock.advance(10)
  const second = dial()
  await clock.advance(10)
  second.client.stream.destroy()
  await clock.advance(10)
  assert.deepEqual([second.ours.closed, first.ours.closed], [true, false])
  held.letGo()
  await clock.advance(10)
  assert.equal(broker.connectedClients, 0)
  await close()
})
