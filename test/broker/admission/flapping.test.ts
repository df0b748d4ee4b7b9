/** Clients that take over each other's session again and again are detected, and banned if the option says so. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { describe, it } from 'node:test'
import { type Broker, createBroker, type FlappingOptions } from '../../../lib/index.js'
import { MemoryCluster } from '../../../lib/testing/cluster.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { Flapping } from '../../../types/broker/events.js'
import { dialFrom } from '../../support/clients/from-address.js'
import { SpecClient } from '../../support/clients/spec-client.js'

interface Scene {
  clock: FakeClock
  broker: Broker
  noticed: Flapping[]
  /** @returns the code of CONNACK */
  connect(address: string, clientId?: string): Promise<number | undefined>
  /** Connects and stops reading: its connection stays open, as if the network were down. */
  connectAndBeLost(address: string): Promise<void>
}

async function withClients(flapping: FlappingOptions, body: (scene: Scene) => Promise<void>): Promise<void> {
  const clock = new FakeClock()
  const broker = await createBroker({ clock, flapping })
  const noticed: Flapping[] = []
  broker.on('flapping', (_client, flapping) => noticed.push(flapping))
  const connect = async (address: string, clientId = 'same') => {
    const { reasonCode } = await dialFrom(broker, address).connect({ clientId })
    // clients that are taken over reconnect when their connection is closed
    await clock.advance(0)
    return reasonCode
  }
  const connectAndBeLost = async (address: string) => {
    const client = dialFrom(broker, address)
    assert.equal((await client.connect({ clientId: 'same' })).reasonCode, 0)
    client.stream.pause()
  }
  try {
    await body({ clock, broker, noticed, connect, connectAndBeLost })
  } finally {
    const closing = broker.close()
    await clock.advance(10_000)
    await closing
  }
}

const HOME = '10.0.0.1'
const AWAY = '10.0.0.2'

describe('flapping: two clients that take over each other’s session again and again', () => {
  it('is reported and counted when it happens often enough', () =>
    withClients({ takeovers: 4 }, async ({ clock, broker, noticed, connect }) => {
      for (const address of [HOME, AWAY, HOME, AWAY]) {
        assert.equal(await connect(address), 0)
        await clock.advance(1000)
      }
      assert.deepEqual(noticed, [])
      assert.equal(await connect(HOME), 0)
      const told = { clientId: 'same', takeovers: 4, durationMs: 3000, addresses: [AWAY, HOME], banned: undefined }
      assert.deepEqual(noticed, [told])
      assert.equal(broker.stats().clients.flapping, 1)
    }))

  it('is not reported for occasional takeovers', () =>
    withClients({ takeovers: 3, withinSeconds: 10 }, async ({ clock, noticed, connect }) => {
      for (let i = 0; i < 20; i++) {
        await connect(i % 2 === 0 ? HOME : AWAY)
        await clock.advance(6000)
      }
      assert.deepEqual(noticed, [])
    }))

  it('is not reported for a device that reconnects while its lost connection is still open', () =>
    withClients({ takeovers: 2, banSeconds: 60 }, async ({ clock, noticed, connect, connectAndBeLost }) => {
      for (let i = 0; i < 10; i++) {
        await connectAndBeLost(i % 2 === 0 ? HOME : AWAY)
        await clock.advance(2000)
      }
      assert.equal(await connect(HOME), 0)
      assert.deepEqual(noticed, [])
    }))

  it('bans the second client for some time, by address and identifier together', () =>
    withClients({ takeovers: 3, banSeconds: 60 }, async ({ clock, noticed, connect }) => {
      for (const address of [HOME, AWAY, HOME]) assert.equal(await connect(address), 0)
      assert.equal(await connect(AWAY), 0x8a)
      assert.equal(noticed[0]?.banned, AWAY)
      assert.equal(await connect(AWAY), 0x8a)
      assert.equal(await connect(AWAY, 'another'), 0)
      assert.equal(await connect(HOME), 0)
      assert.equal(await connect('10.0.0.3'), 0)
      await clock.advance(61_000)
      assert.equal(await connect(AWAY), 0)
    }))

  it('allows the first client to take its session back', () =>
    withClients({ takeovers: 2, banSeconds: 60 }, async ({ broker, connect }) => {
      await connect(HOME)
      await connect(AWAY)
      assert.equal(await connect(HOME), 0)
      assert.equal(broker.clients.same?.address, HOME)
      assert.equal(await connect(AWAY), 0x8a)
    }))

  it('is detected over TCP, where disconnected clients close their end', async () => {
    await using broker = await createBroker({ flapping: { takeovers: 3 } })
    const noticed: Flapping[] = []
    broker.on('flapping', (_client, flapping) => noticed.push(flapping))
    const server = createServer(broker.handle)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    let before: SpecClient | undefined
    for (let i = 0; i < 4; i++) {
      const client = new SpecClient(broker, 4, connect((server.address() as AddressInfo).port, '127.0.0.1'))
      await client.connect({ clientId: 'same' })
      await before?.closed()
      before = client
    }
    assert.deepEqual(
      noticed.map(({ takeovers }) => takeovers),
      [3],
    )
    before?.stream.destroy()
    server.close()
  })

  it('from one address does not disconnect the connected client', () =>
    withClients({ takeovers: 2, banSeconds: 60 }, async ({ broker, connect }) => {
      await connect(HOME)
      await connect(HOME)
      const holder = broker.clients.same
      assert.equal(await connect(HOME), 0x8a)
      assert.equal(broker.clients.same, holder)
    }))

  it('is reported by a cluster node that repeatedly loses a client to another node', async () => {
    const cluster = new MemoryCluster()
    await using one = await createBroker({ id: 'one', cluster, flapping: { takeovers: 3, banSeconds: 60 } })
    await using other = await createBroker({ id: 'other', cluster })
    const noticed: Flapping[] = []
    one.on('flapping', (_client, flapping) => noticed.push(flapping))
    for (let count = 0; count < 3; count++) {
      assert.deepEqual(noticed, [])
      await dialFrom(one, HOME).connect({ clientId: 'same' })
      await dialFrom(other, AWAY).connect({ clientId: 'same' })
    }
    const [told] = noticed
    assert.deepEqual([told?.takeovers, told?.addresses, told?.banned], [3, [HOME, undefined], undefined])
  })
})
