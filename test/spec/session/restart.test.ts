/** Sessions, wills and their deadlines across a restart of the broker, with a store that outlives it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Broker, createBroker, createMemoryPersistence } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { ConnackPacket, ConnectPacket, ProtocolVersion, Will } from '../../../types/message/packets.js'
import { subscribeWith } from '../../support/clients/exchange.js'
import { publishPacket, SpecClient } from '../../support/clients/spec-client.js'
import { keptSession } from '../../support/spec.js'

const ALL: readonly ProtocolVersion[] = [3, 4, 5]

/** One broker after the other, on one store and one clock. */
class Restarts {
  readonly clock = new FakeClock()
  readonly #version: ProtocolVersion
  readonly #persistence = createMemoryPersistence({ now: () => this.clock.now() })
  readonly #brokers: Broker[] = []
  readonly published: string[] = []

  constructor(version: ProtocolVersion) {
    this.#version = version
  }

  get broker(): Broker {
    return this.#brokers.at(-1)!
  }

  async start(options: BrokerOptions = {}): Promise<void> {
    const { clock } = this
    const broker = await createBroker({ id: 'restarted', clock, persistence: this.#persistence, ...options })
    broker.on('publish', ({ topic }) => this.published.push(topic))
    this.#brokers.push(broker)
  }

  async stop(): Promise<void> {
    const closing = this.broker.close()
    await this.clock.advance(0)
    await closing
  }

  async connect(
    clientId: string,
    packet: Partial<ConnectPacket> = {},
  ): Promise<{ client: SpecClient; connack: ConnackPacket }> {
    const client = new SpecClient(this.broker, this.#version)
    return { client, connack: await client.connect({ clientId, ...packet }) }
  }

  async end(): Promise<void> {
    for (const broker of this.#brokers) {
      const closing = broker.close()
      await this.clock.advance(60_000)
      await closing
    }
  }
}

function restart(title: string, versions: readonly ProtocolVersion[], body: (restarts: Restarts) => Promise<void>) {
  for (const version of versions) {
    test(`${title} (version ${version})`, async () => {
      const restarts = new Restarts(version)
      await restarts.start()
      try {
        await body(restarts)
      } finally {
        await restarts.end()
      }
    })
  }
}

function expiring(seconds: number, will?: Will): Partial<ConnectPacket> {
  return { clean: false, properties: { sessionExpiryInterval: seconds }, ...(will && { will }) }
}

function willOf(willDelayInterval: number): Will {
  return { topic: 'will', payload: Buffer.from('gone'), qos: 1, retain: false, properties: { willDelayInterval } }
}

for (const version of ALL) {
  restart('a session continues with its subscriptions, queue and open handshakes', [version], async restarts => {
    const kept = keptSession(version)
    const { client } = await restarts.connect('client', kept)
    await client.subscribe({ topic: 'a', qos: 2 })
    client.send(publishPacket({ topic: 'b', qos: 2, messageId: 9 }))
    await client.expect('pubrec')
    await restarts.broker.publish({ topic: 'a', qos: 1, payload: 'sent' })
    const sent = await client.expect('publish')
    await client.drop()
    await restarts.broker.publish({ topic: 'a', qos: 2, payload: 'queued' })
    await restarts.stop()
    await restarts.start()
    await restarts.broker.publish({ topic: 'a', qos: 1, payload: 'after' })
    const { client: back, connack } = await restarts.connect('client', kept)
    assert.equal(connack.sessionPresent, version !== 3)
    const again = await back.expect('publish')
    assert.deepEqual([again.payload.toString(), again.messageId, again.dup], ['sent', sent.messageId, true])
    assert.equal((await back.expect('publish')).payload.toString(), 'queued')
    assert.equal((await back.expect('publish')).payload.toString(), 'after')
    restarts.published.length = 0
    back.send(publishPacket({ topic: 'b', qos: 2, messageId: 9, dup: true }))
    await back.expect('pubrec')
    assert.deepEqual(restarts.published, [])
  })
}

for (const [afterMs, present] of [
  [9000, true],
  [11_000, false],
] as const) {
  restart(
    `a session with an expiry of 10 s ${present ? 'exists' : 'is gone'} after ${afterMs} ms, with a restart in between`,
    [5],
    async restarts => {
      const { client } = await restarts.connect('client', expiring(10))
      await client.drop()
      await restarts.clock.advance(4000)
      await restarts.stop()
      await restarts.clock.advance(1000)
      await restarts.start()
      await restarts.clock.advance(afterMs - 5000)
      assert.equal((await restarts.connect('client', expiring(10))).connack.sessionPresent, present)
    },
  )
}

restart('a session that expires while no broker runs is gone', [5], async restarts => {
  await (await restarts.connect('client', expiring(10))).client.drop()
  await restarts.stop()
  await restarts.clock.advance(11_000)
  await restarts.start()
  assert.equal((await restarts.connect('client', expiring(10))).connack.sessionPresent, false)
})

restart(
  'the clients of a broker that stops get DISCONNECT 0x8B, and the expiry of their sessions starts',
  [5],
  async restarts => {
    const { client } = await restarts.connect('client', expiring(10))
    await restarts.clock.advance(100_000)
    const stopping = restarts.stop()
    await client.expectDisconnect(0x8b)
    await stopping
    await restarts.clock.advance(9000)
    await restarts.start()
    assert.equal((await restarts.connect('client', expiring(10))).connack.sessionPresent, true)
  },
)

restart(
  '[5.0 MQTT-3.1.2-8] a delayed will is published once by the next broker, when its delay is over',
  [5],
  async restarts => {
    await (await restarts.connect('leaving', expiring(100, willOf(10)))).client.drop()
    await restarts.clock.advance(4000)
    await restarts.stop()
    await restarts.start()
    await restarts.clock.advance(5900)
    assert.deepEqual(restarts.published, [])
    await restarts.clock.advance(200)
    assert.deepEqual(restarts.published, ['will'])
    await restarts.clock.advance(200_000)
    assert.deepEqual(restarts.published, ['will'])
  },
)

restart('[5.0 MQTT-3.1.3-9] a client that reconnects to the next broker cancels its will', [5], async restarts => {
  await (await restarts.connect('leaving', expiring(100, willOf(10)))).client.drop()
  await restarts.stop()
  await restarts.start()
  await restarts.connect('leaving', expiring(100))
  await restarts.clock.advance(200_000)
  assert.deepEqual(restarts.published, [])
})

for (const [delay, expiry, afterMs] of [
  [10, 100, 10_000],
  [100, 10, 10_000],
] as const) {
  restart(
    `[5.0 MQTT-3.1.2-8] after the crash of a broker, for a client with will delay ${delay} and expiry ${expiry}, \
the will comes ${afterMs} ms after the start of the next broker`,
    [5],
    async restarts => {
      await restarts.connect('leaving', expiring(expiry, willOf(delay)))
      await restarts.clock.advance(1000)
      // the first broker is not closed, as after a crash
      await restarts.start()
      await restarts.clock.advance(afterMs - 100)
      assert.deepEqual(restarts.published, [])
      await restarts.clock.advance(200)
      assert.deepEqual(restarts.published, ['will'])
    },
  )
}

restart(
  '[5.0 MQTT-3.1.2-8] after the crash of a broker, a will without delay is published when the next broker starts',
  [5],
  async restarts => {
    const { client: watcher } = await restarts.connect('watcher', expiring(100))
    await watcher.subscribe({ topic: 'will', qos: 1 })
    await restarts.connect('leaving', expiring(100, willOf(0)))
    await restarts.start()
    // its client reconnects immediately, which is too late to cancel it
    await restarts.connect('leaving', expiring(100))
    const { client: back } = await restarts.connect('watcher', expiring(100))
    assert.equal((await back.expect('publish')).payload.toString(), 'gone')
    await restarts.clock.advance(1000)
    await back.expectNothing()
  },
)

for (const [what, options, granted] of [
  ['a lower maximum QoS', { maximumQoS: 0 }, ['a/+ 0 [1]', 'a/b/c 0 [2]', '$share/g/x 0']],
  ['no wildcards', { wildcardSubscriptionAvailable: false }, ['a/b/c 2 [2]', '$share/g/x 1']],
  ['no shared subscriptions', { sharedSubscriptionAvailable: false }, ['a/+ 1 [1]', 'a/b/c 2 [2]']],
  ['fewer topic levels', { maxTopicLevels: 2 }, ['a/+ 1 [1]']],
  ['no subscription identifiers', { subscriptionIdentifiersAvailable: false }, ['a/+ 1', 'a/b/c 2', '$share/g/x 1']],
] as [string, BrokerOptions, string[]][]) {
  restart(`the current options limit what a resumed session is subscribed to: ${what}`, [5], async restarts => {
    const { client } = await restarts.connect('client', keptSession(5))
    await subscribeWith(client, { subscriptionIdentifier: 1 }, { topic: 'a/+', qos: 1 })
    await subscribeWith(client, { subscriptionIdentifier: 2 }, { topic: 'a/b/c', qos: 2 })
    await client.subscribe({ topic: '$share/g/x', qos: 1 })
    await client.disconnect()
    await restarts.stop()
    await restarts.start(options)
    const { client: live } = await restarts.connect('client', keptSession(5))
    assert.deepEqual(subscriptionsIn(restarts.broker), granted)
    await live.disconnect()
    await restarts.stop()
    // the session is kept because of what is in the store, with the same options as before
    await restarts.start()
    const { client: again } = await restarts.connect('client', keptSession(5))
    assert.deepEqual(subscriptionsIn(restarts.broker), granted)
    await again.disconnect()
  })
}

/** The subscriptions of the client. */
function subscriptionsIn({ clients }: Broker): string[] {
  return [...clients.client!.subscriptions.values()].map(({ topic, qos, subscriptionIdentifier }) => {
    return `${topic} ${qos}${subscriptionIdentifier === undefined ? '' : ` [${subscriptionIdentifier}]`}`
  })
}
