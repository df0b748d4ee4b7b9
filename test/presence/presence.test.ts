/** Presence messages: each change once and in order, in each format, also after a restart. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Broker, createBroker } from '../../lib/index.js'
import { escapeLevel, type PresenceOptions, publishPresence } from '../../lib/presence/index.js'
import { SpecClient } from '../support/clients/spec-client.js'

type Seen = { topic: string; retain: boolean } & Record<string, unknown>

/** What a subscriber gets, parsed. */
async function seenBy(watcher: SpecClient): Promise<Seen[]> {
  return (await watcher.settle()).flatMap(packet =>
    packet.cmd === 'publish'
      ? [{ topic: packet.topic, retain: packet.retain, ...JSON.parse(packet.payload!.toString()) }]
      : [],
  )
}

async function withPresence(
  options: PresenceOptions,
  filter: string,
  body: (scene: { broker: Broker; watcher: SpecClient; seen(): Promise<Seen[]> }) => Promise<void>,
  before?: (broker: Broker) => Promise<unknown>,
): Promise<void> {
  await using broker = await createBroker({ id: 'b/1' })
  const watcher = new SpecClient(broker, 5)
  await watcher.connect({ clientId: 'watcher' })
  await before?.(broker)
  const presence = await publishPresence(broker, options)
  await watcher.subscribe({ topic: filter, qos: 0, rap: true })
  const seen = async () => {
    await presence.settled()
    return (await seenBy(watcher)).filter(({ clientId, clientid }) => (clientId ?? clientid) !== 'watcher')
  }
  await body({ broker, watcher, seen })
  await presence.close()
}

async function retained(broker: Broker, filter: string): Promise<string[]> {
  const topics: string[] = []
  for await (const { topic } of broker.retained(filter)) if (!topic.includes('watcher')) topics.push(topic)
  return topics.sort()
}

describe('presence', () => {
  it('is one retained message for each client, with its current state', async () => {
    await withPresence({}, '$SYS/presence/+', async ({ broker, seen }) => {
      const client = new SpecClient(broker, 4)
      await client.connect({ clientId: 'a/b+c#%', username: 'alice', keepalive: 60 })
      const topic = '$SYS/presence/a%2Fb%2Bc%23%25'
      const [{ at, ...came } = {} as Seen] = await seen()
      assert.equal(typeof at, 'number')
      const common = { topic, retain: true, clientId: 'a/b+c#%', username: 'alice', principal: 'alice', version: 4 }
      const rest = { keepalive: 60, clean: true, brokerId: 'b/1', connection: 2 }
      assert.deepEqual(came, { ...common, ...rest, connected: true })
      await client.disconnect()
      await broker.disconnect('nobody')
      const [{ at: later, ...went } = {} as Seen] = await seen()
      assert.ok((later as number) >= (at as number))
      assert.deepEqual(went, { ...common, ...rest, connected: false, reason: 'client', reasonCode: 0 })
      assert.deepEqual(await retained(broker, '$SYS/presence/+'), [topic])
    })
  })

  it('reports a takeover as a disconnect and a connect, in this order', async () => {
    await withPresence({ qos: 0 }, '$SYS/presence/+', async ({ broker, seen }) => {
      let client: SpecClient | undefined
      for (let count = 0; count < 49; count++) {
        client = new SpecClient(broker, 5)
        await client.connect({ clientId: 'one' })
        if (count % 3 === 1) await client.disconnect()
      }
      const changes = (await seen()).map(
        ({ connected, connection, reason }) => [connected, connection, reason] as const,
      )
      assert.equal(changes.length, 97)
      for (const [index, [connected, connection, reason]] of changes.entries()) {
        assert.deepEqual([connected, connection], [index % 2 === 0, Math.floor(index / 2) + 2])
        if (!connected) assert.equal(reason, Math.floor(index / 2) % 3 === 1 ? 'client' : 'takeover')
      }
    })
  })

  it('has the format of EMQX', async () => {
    await withPresence({ shape: 'emqx' }, '$SYS/brokers/+/clients/+/+', async ({ broker, seen }) => {
      const client = new SpecClient(broker, 5)
      await client.connect({ clientId: 'c1', username: 'u', keepalive: 30 })
      const start = '$SYS/brokers/b%2F1/clients/c1'
      const [{ ts, connected_at, ...came } = {} as Seen] = await seen()
      assert.equal(ts, connected_at)
      const common = { retain: true, clientid: 'c1', username: 'u', proto_ver: 5, proto_name: 'MQTT' }
      assert.deepEqual(came, { topic: `${start}/connected`, ...common, keepalive: 30, clean_start: true, connack: 0 })
      assert.deepEqual(await retained(broker, '$SYS/brokers/+/clients/+/+'), [`${start}/connected`])
      await broker.disconnect('c1')
      const [{ ts: _, disconnected_at, ...went } = {} as Seen] = await seen()
      assert.equal(typeof disconnected_at, 'number')
      assert.deepEqual(went, { topic: `${start}/disconnected`, ...common, reason: 'kicked' })
      assert.deepEqual(await retained(broker, '$SYS/brokers/+/clients/+/+'), [`${start}/disconnected`])
    })
  })

  it('has the format of AWS IoT Core', async () => {
    await withPresence({ shape: 'aws', gone: 'clear' }, '$aws/events/presence/#', async ({ broker, seen }) => {
      const client = new SpecClient(broker, 5)
      await client.connect({ clientId: 'c1', username: 'u' })
      const [{ timestamp: _, ...came } = {} as Seen] = await seen()
      const common = { clientId: 'c1', principalIdentifier: 'u', sessionIdentifier: 'b/1/2', versionNumber: 2 }
      const topic = '$aws/events/presence/connected/c1'
      assert.deepEqual(came, { topic, retain: true, ...common, eventType: 'connected' })
      await client.drop()
      await new Promise(resolve => setImmediate(resolve))
      const [{ timestamp: __, ...went } = {} as Seen] = await seen()
      assert.deepEqual(went, {
        ...{ topic: '$aws/events/presence/disconnected/c1', retain: false, ...common, eventType: 'disconnected' },
        ...{ clientInitiatedDisconnect: false, disconnectReason: 'CONNECTION_LOST' },
      })
      assert.deepEqual(await retained(broker, '$aws/events/presence/#'), [])
    })
  })

  it('may have a format of the application', async () => {
    const shape = {
      message: ({ clientId, connected }: { clientId: string; connected: boolean }) => ({
        topic: `clients/${escapeLevel(clientId)}`,
        payload: JSON.stringify({ is: connected ? 'online' : 'offline' }),
      }),
    }
    await withPresence({ shape }, 'clients/+', async ({ broker, seen }) => {
      const client = new SpecClient(broker, 5)
      await client.connect({ clientId: '+' })
      await client.disconnect()
      assert.deepEqual(
        (await seen()).filter(({ topic }) => topic !== 'clients/watcher').map(({ topic, is }) => `${topic} ${is}`),
        ['clients/%2B online', 'clients/%2B offline'],
      )
    })
  })

  for (const [shape, stale, filter] of [
    ['state', '$SYS/presence/gone%2F1', '$SYS/presence/+'],
    ['emqx', '$SYS/brokers/earlier/clients/gone%2F1/connected', '$SYS/brokers/+/clients/+/+'],
    ['aws', '$aws/events/presence/connected/gone%2F1', '$aws/events/presence/#'],
  ] as const) {
    it(`corrects messages of an earlier run, in the format ${shape}, and reports connected clients`, async () => {
      const leave = async (broker: Broker) => {
        await broker.publish({ topic: stale, payload: '{"connected":true}', retain: true })
        await broker.publish({ topic: '$SYS/presence/odd', payload: 'no JSON', retain: true })
        const client = new SpecClient(broker, 5)
        await client.connect({ clientId: 'here' })
      }
      await withPresence(
        { shape },
        '#',
        async ({ broker, watcher }) => {
          await broker.deleteRetained('$SYS/presence/odd')
          await watcher.subscribe({ topic: filter, qos: 0, rap: true })
          const states = (await seenBy(watcher)).filter(each => (each.clientId ?? each.clientid) === 'gone/1')
          assert.equal(states.length, 1)
          assert.match(JSON.stringify(states[0]), /"connected":false|disconnected/)
          const topics = await retained(broker, filter)
          assert.ok(topics.some(topic => topic.includes('here')))
          assert.equal(topics.length, 2)
        },
        leave,
      )
    })
  }

  it('refuses invalid options, and reports what cannot be published', async () => {
    await using broker = await createBroker({ maxRetainedPayload: 10 })
    for (const options of [{ shape: 'azure' }, { shape: {} }, { qos: 3 }, { gone: 'away' }]) {
      await assert.rejects(publishPresence(broker, options as never), { code: 'ANAX_ERR_OPTION' })
    }
    const failed: unknown[] = []
    const presence = await publishPresence(broker, { failed: error => failed.push(error) })
    const client = new SpecClient(broker, 5)
    await client.connect({ clientId: 'c' })
    await presence.settled()
    assert.equal(failed.length, 1)
    await presence.close()
    await client.disconnect()
    assert.equal(failed.length, 1)
  })
})
