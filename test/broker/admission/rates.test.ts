/** Rates: a client that sends too much is slowed down, then disconnected; one that connects too often is refused. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BrokerRates } from '../../../lib/broker/admission/rates.js'
import { type Broker, type BrokerOptions, type Client, createBroker } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { Timers } from '../../../lib/util/scheduling/timers.js'
import type { PublishPacket } from '../../../types/message/packets.js'
import { connectFrom, dialFrom } from '../../support/clients/from-address.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { textPacket } from '../../support/clients/traffic.js'
import { spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

interface Scene {
  broker: Broker
  clock: FakeClock
  /** The `throttled` events. */
  told: string[]
  /** The number of published messages, by client. */
  count(clientId: string): number
}

async function withRates(options: BrokerOptions, body: (scene: Scene) => Promise<void>): Promise<void> {
  const clock = new FakeClock()
  const broker = await createBroker({ clock, ...options })
  const counts = new Map<string, number>()
  const told: string[] = []
  broker.on('publish', (_packet, client) => counts.set(client!.id, (counts.get(client!.id) ?? 0) + 1))
  broker.on('throttled', (client, { of, what }) => told.push(`${client.id}: ${what} of the ${of}`))
  try {
    await body({ broker, clock, told, count: clientId => counts.get(clientId) ?? 0 })
  } finally {
    const closing = broker.close()
    await clock.advance(60_000)
    await closing
    assert.equal(clock.pendingTimers, 0)
  }
}

/** Sends several messages in one write. */
function flood(client: SpecClient, count: number, packet: Partial<PublishPacket> = {}): void {
  client.send(...Array.from({ length: count }, (_, i) => textPacket('t', String(i), packet)))
}

describe('a client that exceeds its message rate', () => {
  const rates = { client: { messagesPerSecond: 100 } }

  it('is slowed down to the rate, and loses nothing', () =>
    withRates({ rates }, async ({ broker, clock, told, count }) => {
      const client = await connectFrom(broker, '10.0.0.1', 'fast')
      flood(client, 500)
      await clock.advance(0)
      assert.equal(count('fast'), 100)
      await clock.advance(2000)
      assert.ok(Math.abs(count('fast') - 300) <= 10, `${count('fast')}`)
      await clock.advance(3000)
      assert.equal(count('fast'), 500)
      assert.deepEqual(told, ['fast: messages of the client'])
      assert.equal(broker.stats().clients.throttled, 1)
      assert.equal(broker.connectedClients, 1)
    }))

  it('does not slow down others', () =>
    withRates({ rates }, async ({ broker, clock, count }) => {
      const fast = await connectFrom(broker, '10.0.0.1', 'fast')
      const slow = await connectFrom(broker, '10.0.0.1', 'slow')
      flood(fast, 500)
      flood(slow, 50)
      await clock.advance(0)
      assert.equal(count('slow'), 50)
    }))

  it('stays connected even if the broker does not read from it for longer than its keep alive', () =>
    withRates({ rates: { client: { messagesPerSecond: 0.1 } } }, async ({ broker, clock, count }) => {
      const client = dialFrom(broker, '10.0.0.1')
      await client.connect({ clientId: 'slow', keepalive: 1 })
      flood(client, 3)
      await clock.advance(15_000)
      assert.equal(count('slow'), 2)
      assert.equal(broker.connectedClients, 1)
    }))

  it('has its last packets handled when its stream ends', () =>
    withRates({ rates: { client: { messagesPerSecond: 1 } } }, async ({ broker, clock, count }) => {
      const client = await connectFrom(broker, '10.0.0.1', 'gone')
      flood(client, 10)
      await clock.advance(0)
      client.stream.destroy()
      await clock.advance(1000)
      assert.equal(count('gone'), 10)
      assert.equal(broker.connectedClients, 0)
    }))

  it('has no rate, or another one, if a hook says so', () =>
    withRates(
      {
        rates,
        authenticate: (_client, username) =>
          username === 'vip' ? { accept: true, limits: { messagesPerSecond: Infinity } } : true,
      },
      async ({ broker, clock, count }) => {
        const vip = dialFrom(broker, '10.0.0.1')
        await vip.connect({ clientId: 'vip', username: 'vip' })
        const other = await connectFrom(broker, '10.0.0.1', 'other')
        flood(vip, 300)
        flood(other, 300)
        await clock.advance(0)
        assert.deepEqual([count('vip'), count('other')], [300, 100])
      },
    ))
})

spec(
  'a client that exceeds its rate for too long is disconnected with 0x96',
  ALL,
  async ({ broker, clock, connect }) => {
    const codes: string[] = []
    broker.on('clientError', (_client, error) => codes.push(error.code))
    const client = await connect('a')
    flood(client, 1000)
    await clock.advance(4900)
    assert.deepEqual(codes, [])
    await clock.advance(200)
    assert.deepEqual(codes, ['ANAX_ERR_MESSAGE_RATE'])
    await client.expectDisconnect(0x96)
    assert.equal(broker.stats().clients.disconnected.limit, 1)
  },
  { rates: { client: { messagesPerSecond: 10 }, patienceSeconds: 5 } },
)

spec(
  'a client that is slowed down from time to time stays connected',
  [5],
  async ({ broker, clock, connect }) => {
    const client = await connect('a')
    for (let i = 0; i < 10; i++) {
      flood(client, 30)
      await clock.advance(4000)
    }
    assert.equal(broker.connectedClients, 1)
    assert.equal(broker.stats().clients.throttled, 10)
  },
  { rates: { client: { messagesPerSecond: 10 }, patienceSeconds: 5 } },
)

describe('rate limits', () => {
  it('in bytes of a client let received data be handled, and then stop reading until the rate allows more', () =>
    withRates({ rates: { client: { bytesPerSecond: 1000 } } }, async ({ broker, clock, told, count }) => {
      const client = await connectFrom(broker, '10.0.0.1', 'big')
      flood(client, 1, { payload: Buffer.alloc(5000) })
      await clock.advance(0)
      flood(client, 1)
      await clock.advance(3900)
      assert.equal(count('big'), 1)
      await clock.advance(300)
      assert.equal(count('big'), 2)
      assert.deepEqual(told, ['big: bytes of the client'])
    }))

  it('of an address are shared equally by its clients, and do not affect other addresses', () =>
    withRates({ rates: { address: { messagesPerSecond: 100 } } }, async ({ broker, clock, told, count }) => {
      const greedy = await connectFrom(broker, '10.0.0.1', 'greedy')
      const modest = await connectFrom(broker, '10.0.0.1', 'modest')
      const other = await connectFrom(broker, '10.0.0.2', 'other')
      flood(greedy, 1000)
      await clock.advance(100)
      flood(modest, 20)
      flood(other, 50)
      await clock.advance(1000)
      assert.deepEqual([count('modest'), count('other')], [20, 50])
      assert.ok(count('greedy') < 220, `${count('greedy')}`)
      assert.deepEqual(told.toSorted(), ['greedy: messages of the address', 'modest: messages of the address'])
    }))

  it('of an address apply to an IPv6 network as a whole', () =>
    withRates({ rates: { address: { messagesPerSecond: 10 } } }, async ({ broker, clock, count }) => {
      for (const [i, clientId] of ['a', 'b'].entries()) {
        flood(await connectFrom(broker, `2001:db8:1:2::${i + 1}`, clientId), 10)
        await clock.advance(0)
      }
      // the first message of a connection is charged afterwards
      assert.deepEqual([count('a'), count('b')], [10, 1])
    }))

  it('of all clients together never disconnect anybody, however long they are exceeded', () =>
    withRates({ rates: { total: { messagesPerSecond: 10 }, patienceSeconds: 1 } }, async ({ broker, clock, count }) => {
      const clients = await Promise.all(['a', 'b'].map(id => connectFrom(broker, '10.0.0.1', id)))
      for (const client of clients) flood(client, 100)
      await clock.advance(10_000)
      assert.equal(broker.connectedClients, 2)
      assert.ok(Math.abs(count('a') + count('b') - 110) <= 5)
      assert.ok(Math.abs(count('a') - count('b')) <= 15, `${count('a')} ${count('b')}`)
    }))

  it('do not apply to clients of the application', () =>
    withRates({ rates: { total: { messagesPerSecond: 1, connectsPerSecond: 1 } } }, async ({ broker, count }) => {
      const client = await broker.client({ clientId: 'own' })
      await broker.client({ clientId: 'own2' })
      for (let i = 0; i < 20; i++) await client.publish('t', 'x', { qos: 1 })
      assert.equal(count('own'), 20)
    }))
})

for (const version of ALL) {
  describe(`connection attempts that exceed their rate (version ${version})`, () => {
    const refused = version === 5 ? 0x9f : 3
    const codeOf = async (broker: Broker, address: string, clientId: string) => {
      const { reasonCode, returnCode } = await dialFrom(broker, address, version).connect({ clientId })
      return reasonCode ?? returnCode
    }

    it('of one client are refused from its address only, before a hook is called', async () => {
      let asked = 0
      const rates = { client: { connectsPerSecond: 2 } }
      const authenticate = () => ++asked > 0
      await withRates({ rates, authenticate }, async ({ broker, clock }) => {
        const errors: string[] = []
        broker.on('connectionError', (_client, { code }) => errors.push(code))
        const codes = []
        for (let i = 0; i < 3; i++) codes.push(await codeOf(broker, '10.0.0.1', 'a'))
        assert.deepEqual(codes, [0, 0, refused])
        assert.equal(asked, 2)
        assert.equal(await codeOf(broker, '10.0.0.1', 'b'), 0)
        assert.equal(await codeOf(broker, '10.0.0.2', 'a'), 0)
        await clock.advance(500)
        assert.equal(await codeOf(broker, '10.0.0.1', 'a'), 0)
        assert.deepEqual(errors, ['ANAX_ERR_CONNECT_RATE'])
        assert.equal(broker.stats().connections.refused.ANAX_ERR_CONNECT_RATE, 1)
      })
    })

    it('from one address do not count for others', async () => {
      const rates = { address: { connectsPerSecond: 2 }, total: { connectsPerSecond: 4 } }
      await withRates({ rates }, async ({ broker }) => {
        const codes = []
        for (let i = 0; i < 10; i++) codes.push(await codeOf(broker, '10.0.0.1', `a${i}`))
        assert.deepEqual(codes.slice(0, 4), [0, 0, refused, refused])
        codes.length = 0
        for (let i = 0; i < 3; i++) codes.push(await codeOf(broker, `10.0.0.${i + 2}`, `b${i}`))
        assert.deepEqual(codes, [0, 0, refused])
      })
    })

    it('that are refused because of the common limit do not count for the client and its address', async () => {
      const rates = {
        client: { connectsPerSecond: 0.1 },
        address: { connectsPerSecond: 0.1 },
        total: { connectsPerSecond: 1 },
      }
      await withRates({ rates }, async ({ broker, clock }) => {
        assert.equal(await codeOf(broker, '10.0.0.1', 'a'), 0)
        assert.equal(await codeOf(broker, '10.0.0.2', 'b'), refused)
        await clock.advance(1000)
        assert.equal(await codeOf(broker, '10.0.0.2', 'b'), 0)
      })
      const ofAddress = { client: { connectsPerSecond: 0.1 }, address: { connectsPerSecond: 1 } }
      await withRates({ rates: ofAddress }, async ({ broker, clock }) => {
        assert.equal(await codeOf(broker, '10.0.0.1', 'a'), 0)
        assert.equal(await codeOf(broker, '10.0.0.1', 'b'), refused)
        await clock.advance(1000)
        assert.equal(await codeOf(broker, '10.0.0.1', 'b'), 0)
      })
    })
  })
}

describe('addresses of clients', () => {
  it('that connect once use no memory', async () => {
    const clock = new FakeClock()
    const rates = new BrokerRates({ address: { connectsPerSecond: 5 } }, new Timers(clock))
    const connect = (address: string) => rates.connectRefusal({ address } as Client, 'a')
    for (let i = 0; i < 1000; i++) connect(`10.0.${i >> 8}.${i & 255}`)
    assert.equal(rates.addresses, 1000)
    await clock.advance(1000)
    for (let i = 0; i < 1000; i++) connect(`10.1.${i >> 8}.${i & 255}`)
    assert.equal(rates.addresses, 1000)
  })
})

describe('limits that a hook gives', () => {
  it('cause a refusal of the client if they are invalid', async () => {
    const failures: string[] = []
    const authenticate = () => ({ accept: true, limits: { messagesPerMinute: 5 } }) as never
    await withRates({ authenticate }, async ({ broker }) => {
      broker.on('hookError', ({ code }) => failures.push(code))
      const { reasonCode } = await dialFrom(broker, '10.0.0.1').connect({ clientId: 'a' })
      assert.equal(reasonCode, 0x87)
      assert.deepEqual(failures, ['ANAX_ERR_HOOK_ANSWER'])
    })
  })

  it('may come from a callback or an enhanced authentication too', async () => {
    const limits = { messagesPerSecond: 5 }
    await withRates(
      {
        authenticate: (_client, _username, _password, callback) => callback(null, { accept: true, limits }),
        authenticateExtended: () => ({ result: 'success', limits }),
      },
      async ({ broker, clock, count }) => {
        const plain = await connectFrom(broker, '10.0.0.1', 'plain')
        const extended = dialFrom(broker, '10.0.0.1')
        await extended.connect({ clientId: 'extended', properties: { authenticationMethod: 'M' } })
        flood(plain, 10)
        flood(extended, 10)
        await clock.advance(0)
        assert.deepEqual([count('plain'), count('extended')], [5, 5])
      },
    )
  })
})
