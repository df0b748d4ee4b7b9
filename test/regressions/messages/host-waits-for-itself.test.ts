/**
 * A hook that awaits the end of its own client or of the broker: that end happens, and the client can connect again.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Broker, type BrokerOptions, type Client, createBroker } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { publishPacket, SpecClient } from '../../support/clients/spec-client.js'

/** Timers of a broker do not keep a process alive; those of a host do. */
let alive: NodeJS.Timeout
before(() => {
  alive = setInterval(() => {}, 60_000)
})
after(() => clearInterval(alive))

type Act = (client: Client, broker: Broker) => Promise<unknown>

const ACTS: Record<string, Act> = {
  'client.close()': client => client.close(),
  'client.disconnect()': client => client.disconnect({ reasonCode: 0x98 }),
  'broker.close()': (_, broker) => broker.close(),
}

/** Does something else first, such as a database query. */
const later: Act = () => new Promise(resolve => setImmediate(resolve))

/** Hook -> a hook that does something and then answers, and the packet that makes the broker call it. */
const HOOKS: Record<string, (act: (client: Client) => Promise<unknown>) => BrokerOptions> = {
  authorizePublish: act => ({ authorizePublish: async client => Boolean(await act(client)) || true }),
  'authorizePublish, by callback': act => ({
    authorizePublish: (client, _packet, callback) => void act(client).then(() => callback(null)),
  }),
  authorizeSubscribe: act => ({ authorizeSubscribe: async client => Boolean(await act(client)) || true }),
  published: act => ({ published: async (_packet, client) => void (client && (await act(client))) }),
  authenticate: act => ({ authenticate: async client => Boolean(await act(client)) || true }),
  preConnect: act => ({ preConnect: async client => Boolean(await act(client)) || true }),
}

for (const [hook, options] of Object.entries(HOOKS)) {
  for (const [name, act] of Object.entries(ACTS)) {
    for (const when of ['at once', 'later'] as const) {
      test(`${hook} may await ${name}, ${when}, without any timeout of the application`, async () => {
        const clock = new FakeClock()
        let broker: Broker | undefined
        let isDone = false
        const once = async (client: Client) => {
          if (when === 'later') await later(client, broker!)
          await act(client, broker!)
          isDone = true
        }
        broker = await createBroker({ clock, hookTimeoutMs: 0, closeTimeoutMs: 0, storeTimeoutMs: 0, ...options(once) })
        const client = new SpecClient(broker, 5)
        client.send(
          { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: 'same', clean: true, keepalive: 0 },
          publishPacket({ topic: 'a', qos: 1, messageId: 1 }),
          { cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: 'a', qos: 0 }] },
        )
        // when the broker closes, a pending hook has two seconds to answer
        while (!isDone) await clock.advance(1000)
        await client.closed()
        if (broker.closed) return
        // the identifier is free again
        const next = new SpecClient(broker, 5)
        const connack = await Promise.race([next.connect({ clientId: 'same' }), next.closed()])
        assert.ok(connack)
        await broker.close()
      })
    }
  }
}

test('a message is not published again if its `published` hook closed the client, which sends it again', async () => {
  const seen: string[] = []
  const broker = await createBroker({
    published: async (packet, client) => {
      seen.push(packet.payload.toString())
      if (seen.length === 1) await client?.close()
    },
  })
  const session = { clientId: 'same', clean: false, properties: { sessionExpiryInterval: 100 } } as const
  const message = publishPacket({ topic: 'a', payload: Buffer.from('once'), qos: 2, messageId: 7 })
  const first = new SpecClient(broker, 5)
  await first.connect(session)
  first.send(message)
  await first.closed()
  const second = new SpecClient(broker, 5)
  await second.connect(session)
  second.send({ ...message, dup: true })
  assert.equal((await second.expect('pubrec')).reasonCode ?? 0, 0)
  assert.deepEqual(seen, ['once'])
  await broker.close()
})
