/**
 * Clients with few identifiers connect, disconnect and take over each other at random, while hooks and the store are
 * slow and the store sometimes fails. At the end nothing hangs, nothing is left, and every client can connect again.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Broker, createBroker } from '../../lib/index.js'
import { createMemoryPersistence } from '../../lib/persistence/memory/memory.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import type { Client } from '../../types/client/client.js'
import type { Packet, ProtocolVersion } from '../../types/message/packets.js'
import { type FailingStore, failingStore, slowStore } from '../support/brokers/stores.js'
import { connectPacket, SpecClient } from '../support/clients/spec-client.js'
import { textPacket } from '../support/clients/traffic.js'
import { keptSession } from '../support/spec.js'

const CLIENTS = ['a', 'b', 'c']
const STEPS = 300
/** Operations of the store that may fail. */
const OPERATIONS = [
  ...['openSession', 'saveSession', 'deleteSession', 'saveWill', 'deleteWill', 'getWill', 'subscriptionsByClient'],
  ...['addSubscriptions', 'enqueue', 'markSent', 'removeQueued', 'queued', 'subscriptionsByTopic', 'addIncoming'],
]

/** Numbers below a bound, the same in each run. */
function randomFrom(seed: number): (bound: number) => number {
  let state = seed * 2_654_435_761
  return bound => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}

class Storm {
  readonly clock = new FakeClock()
  readonly memory = createMemoryPersistence({ now: () => this.clock.now() })
  readonly failing: FailingStore
  readonly random: (bound: number) => number
  readonly version: ProtocolVersion
  /** Both ends of every client that has connected. */
  readonly all: { peer: SpecClient; client: Client }[] = []
  broker!: Broker

  constructor(seed: number, version: ProtocolVersion) {
    this.random = randomFrom(seed)
    this.version = version
    const slow = slowStore(this.memory, { clock: this.clock, effect: 'early', next: () => this.random(20) })
    this.failing = failingStore(slow)
  }

  async start(): Promise<void> {
    const starting = createBroker({
      ...{ clock: this.clock, persistence: this.failing.store, connectTimeout: 2000, storeTimeoutMs: 1000 },
      preConnect: () => this.later(true),
      authenticate: () => this.later(this.random(10) > 0),
      authorizeSubscribe: () => this.later(true),
      authorizePublish: () => this.later(this.random(10) > 0),
    })
    await this.clock.advance(100)
    this.broker = await starting
  }

  /** An answer that comes immediately, later, or never. */
  later<T>(value: T): T | Promise<T> {
    const when = this.random(60)
    if (when < 20) return value
    return new Promise(resolve => when < 59 && this.clock.setTimeout(() => resolve(value), when - 20))
  }

  async step(): Promise<void> {
    const { random, all, failing } = this
    switch (random(8)) {
      case 0:
      case 1:
      case 2:
        this.come()
        break
      case 3:
        all[random(all.length)]?.peer.stream.destroy()
        break
      case 4:
        all[random(all.length)]?.client.close()
        break
      case 5:
        this.talk()
        break
      case 6:
        failing.fail(random(2) === 0 ? OPERATIONS[random(OPERATIONS.length)] : undefined, 'rejects')
        break
      default:
        await this.clock.advance(random(80))
    }
    await this.clock.advance(random(4))
  }

  come(): void {
    let client: Client | undefined
    const handle: Broker['handle'] = stream => {
      client = this.broker.handle(stream)
      return client
    }
    const peer = new SpecClient({ handle }, this.version)
    this.all.push({ peer, client: client! })
    const will = { topic: 't', payload: Buffer.from('will'), qos: 1 as const, retain: false }
    const delay = this.version === 5 ? { properties: { willDelayInterval: this.random(2) } } : {}
    const kept = this.random(2) === 0 ? keptSession(this.version, 1 + this.random(3)) : {}
    const clientId = CLIENTS[this.random(CLIENTS.length)]!
    peer.send(connectPacket(this.version, { clientId, will: { ...will, ...delay }, ...kept }))
  }

  talk(): void {
    const { random } = this
    const peer = this.all[random(this.all.length)]?.peer
    if (peer === undefined || peer.isClosed || !peer.stream.writable) return
    const packets: Packet[] = [
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos: 1 }] },
      textPacket('t', 'x', { qos: 1, messageId: 1 + random(100) }),
      { cmd: 'disconnect' },
    ]
    peer.send(packets[random(packets.length)]!)
  }
}

for (const version of [4, 5] as const) {
  for (let seed = 1; seed <= 3; seed++) {
    test(`after many random operations nothing is left open, seed ${seed} (version ${version})`, async () => {
      const storm = new Storm(seed, version)
      await storm.start()
      const { broker, clock, failing, all, memory } = storm
      for (let i = 0; i < STEPS; i++) await storm.step()
      failing.fail(undefined)
      for (const { peer } of all) peer.stream.destroy()
      await clock.advance(30_000)
      assert.deepEqual([broker.connectedClients, Object.keys(broker.clients)], [0, []])
      assert.deepEqual([...new Set(all.map(({ client }) => client.closed))], [true])
      for (const hook of ['preConnect', 'authenticate', 'authorizePublish', 'authorizeSubscribe'] as const) {
        broker[hook] = undefined
      }
      for (const clientId of CLIENTS) {
        const client = new SpecClient(broker, version)
        const connack = client.connect({ clientId })
        await clock.advance(1000)
        assert.equal((await connack).reasonCode ?? (await connack).returnCode, 0)
        await client.drop()
      }
      await clock.advance(30_000)
      if (version === 5) {
        for (const clientId of CLIENTS) assert.equal(memory.openSession(clientId), undefined, 'its time is over')
      }
      for (const clientId of CLIENTS) assert.equal(memory.getWill({ id: clientId }), undefined)
      const closing = broker.close()
      await clock.advance(60_000)
      await closing
      assert.equal(clock.pendingTimers, 0)
    })
  }
}
