/**
 * Calls from within events and hooks: the host closes, publishes and subscribes, and the order of everything stays
 * right.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Broker, createBroker } from '../../lib/index.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import type { BrokerEvents } from '../../types/broker/events.js'
import type { Client } from '../../types/client/client.js'
import type { Packet } from '../../types/message/packets.js'
import { connectPacket, SpecClient } from '../support/clients/spec-client.js'
import { textPacket, texts } from '../support/clients/traffic.js'
import { keptSession, spec } from '../support/spec.js'

const ALL = [3, 4, 5] as const

/** The event or hook in which a client is closed, and how the test makes the broker emit or call it. */
const WITHIN: Record<string, (broker: Broker, close: (client: Client | null) => void) => void> = {
  ...Object.fromEntries(
    (
      [
        ['client', 0],
        ['connackSent', 1],
        ['clientReady', 0],
        ['publish', 1],
        ['publishRefused', 2],
        ['subscribe', 1],
        ['unsubscribe', 1],
        ['ack', 1],
        ['ping', 1],
        ['clientError', 0],
        ['clientDisconnect', 0],
      ] as const satisfies readonly (readonly [keyof BrokerEvents, number])[]
    ).map(([name, place]) => [
      name,
      (broker: Broker, close: (client: Client | null) => void) =>
        broker.on(name, (...args: unknown[]) => close(args[place] as Client | null)),
    ]),
  ),
  connected: (broker, close) => broker.on('client', client => client.on('connected', () => close(client))),
  close: (broker, close) => broker.on('client', client => client.on('close', () => close(client))),
  preConnect: (broker, close) => {
    broker.preConnect = client => {
      close(client)
      return true
    }
  },
  authenticate: (broker, close) => {
    broker.authenticate = client => {
      close(client)
      return true
    }
  },
  authorizePublish: (broker, close) => {
    broker.authorizePublish = client => {
      close(client)
      return true
    }
  },
  authorizeSubscribe: (broker, close) => {
    broker.authorizeSubscribe = client => {
      close(client)
      return true
    }
  },
  authorizeForward: (broker, close) => {
    broker.authorizeForward = (client, message) => {
      close(client)
      return message
    }
  },
  published: (broker, close) => {
    broker.published = (_, client) => close(client)
  },
}

for (const [name, set] of Object.entries(WITHIN)) {
  for (const version of ALL) {
    for (const session of ['clean', 'kept'] as const) {
      test(`a client that is closed within ${name} is disconnected, and may reconnect (${session}, version ${version})`, async () => {
        const clock = new FakeClock()
        const broker = await createBroker({ clock })
        const broken: unknown[] = []
        broker.on('storeError', error => broken.push(error))
        broker.on('hookError', error => broken.push(error))
        let armed = true
        let closed: Promise<void> | undefined
        set(broker, client => {
          if (armed && client?.id !== 'bystander') closed ??= client?.close()
        })
        const client = new SpecClient(broker, version)
        const keeping = session === 'kept' ? keptSession(version) : {}
        client.send(connectPacket(version, keeping), ...BUSY)
        await clock.advance(10)
        // the last packet violates the protocol
        const refused = textPacket('$SYS/x', 'x', { qos: 1, messageId: 9 })
        client.send({ cmd: 'puback', messageId: 1 }, refused, connectPacket(version))
        await clock.advance(2000)
        client.stream.destroy()
        await clock.advance(2000)
        assert(closed !== undefined, 'it came to this')
        await closed
        assert.equal(broker.connectedClients, 0)
        armed = false
        const again = new SpecClient(broker, version)
        const connack = await again.connect(keeping)
        assert.equal(connack.reasonCode ?? connack.returnCode, 0)
        await again.settle()
        const closing = broker.close()
        await clock.advance(60_000)
        await closing
        assert.deepEqual(broken, [])
        assert.equal(clock.pendingTimers, 0)
      })
    }
  }
}

/** Every kind of packet that a client sends, some of which are answered with messages to it. */
const BUSY: Packet[] = [
  { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] },
  textPacket('a', 'x', { qos: 1, messageId: 2 }),
  { cmd: 'pingreq' },
  { cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['b'] },
]

spec('a client that is closed in the client event gets CONNACK first', ALL, async ({ broker, dial, version }) => {
  broker.on('client', client => {
    client.close()
  })
  const client = dial()
  client.send(connectPacket(version))
  const packets = (await client.closed()).map(({ cmd }) => cmd)
  assert.deepEqual(packets, version === 5 ? ['connack', 'disconnect'] : ['connack'])
})

spec(
  'messages that the application sends in the client event come after CONNACK',
  ALL,
  async ({ broker, dial, version }) => {
    broker.on('client', client => {
      client.publish({ topic: 'hello', payload: 'zero' })
      client.publish({ topic: 'hello', payload: 'one', qos: 1 })
    })
    for (const session of [{}, keptSession(version)]) {
      const client = dial()
      await client.connect({ clientId: 'client', ...session })
      assert.deepEqual(texts(await client.settle()), ['zero', 'one'])
      await client.drop()
    }
  },
)

spec('messages that a listener publishes reach everybody in order', ALL, async ({ broker, connect }) => {
  const client = await connect('client')
  await client.subscribe({ topic: '#', qos: 0 })
  const heard: string[] = []
  const answer = ({ payload }: { payload: Buffer }) => {
    if (payload.length < 4) void broker.publish({ topic: 'a', payload: `${payload}x` })
  }
  await broker.subscribe('a', answer)
  await broker.subscribe('#', ({ payload }) => heard.push(String(payload)))
  await broker.publish({ topic: 'a', payload: 'x' })
  await broker.publish({ topic: 'a', payload: 'end!' })
  assert.deepEqual(heard, ['x', 'xx', 'xxx', 'xxxx', 'end!'])
  assert.deepEqual(texts(await client.settle()), heard)
})

for (const hook of ['authorizePublish', 'authorizeSubscribe', 'published'] as const) {
  spec(`a hook may delete the session of its own client, and wait for it (${hook})`, ALL, async scene => {
    const { broker, clock, connect, version } = scene
    const client = await connect('client', keptSession(version))
    const deleted: unknown[] = []
    const ask = async (id: string | undefined) => {
      await new Promise(resolve => setImmediate(resolve))
      deleted.push(await broker.deleteSession(id!))
      return true
    }
    if (hook === 'published') broker.published = async (_, client) => void (await ask(client?.id))
    else broker[hook] = ({ id }: Client) => ask(id)
    if (hook === 'authorizeSubscribe') {
      client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] })
    } else client.send(textPacket('a', 'x', { qos: 1, messageId: 1 }))
    await client.closed()
    assert.deepEqual(deleted, [true])
    await clock.advance(10)
    assert.equal(await broker.session('client'), undefined)
  })
}

for (const when of ['at once', 'later'] as const) {
  spec(`a published hook may publish and await it (${when})`, [5], async ({ broker }) => {
    const told: string[] = []
    broker.published = async ({ topic }) => {
      if (when === 'later') await new Promise(resolve => setImmediate(resolve))
      told.push(topic)
      if (topic.length < 3) await broker.publish({ topic: `${topic}a` })
    }
    await broker.publish({ topic: 'a' })
    assert.deepEqual(told, ['a', 'aa', 'aaa'])
  })
}
