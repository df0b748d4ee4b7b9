/** Limits that a hook sets for one client: announced in CONNACK, enforced exactly, replaced at any time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBroker } from '../../lib/index.js'
import type { Client } from '../../types/client/client.js'
import type { ClientLimits } from '../../types/client/limits.js'
import type { QoS, Will } from '../../types/message/packets.js'
import { refuse } from '../support/bytes.js'
import { publishText, quotaRefusal, unsubscribe } from '../support/clients/exchange.js'
import { connectPacket, publishPacket, SpecClient } from '../support/clients/spec-client.js'
import { keptSession, spec } from '../support/spec.js'

const ALL = [3, 4, 5] as const

const filters = (...topics: string[]) => topics.map(topic => ({ topic, qos: 2 as QoS }))
const willOf = (parts: Partial<Will>): Will => ({
  topic: 'w',
  payload: Buffer.from('x'),
  qos: 0,
  retain: false,
  ...parts,
})

/** Options of a broker that sets these limits for the client `limited`, and none for others. */
function limiting(limits: ClientLimits) {
  return { authenticate: (client: Client) => (client.id === 'limited' ? { accept: true as const, limits } : true) }
}

spec(
  'maxSubscriptions is exact within one SUBSCRIBE, over several, and for a resumed session',
  ALL,
  async ({ version, connect, resume }) => {
    const refused = quotaRefusal(version)
    const client = await connect('limited', keptSession(version))
    assert.deepEqual(await client.subscribe(...filters('a', 'b', 'a', 'c', 'd')), [2, 2, 2, refused, refused])
    assert.deepEqual(await client.subscribe(...filters('b', 'c')), [2, refused])
    await unsubscribe(client, 'a')
    assert.deepEqual(await client.subscribe(...filters('c', 'd')), [2, refused])
    await client.disconnect()
    const { client: again } = await resume('limited', keptSession(version))
    assert.deepEqual(await again.subscribe(...filters('d', 'c', 'b')), [refused, 2, 2])
    const other = await connect('other')
    assert.deepEqual(await other.subscribe(...filters('a', 'b', 'c')), [2, 2, 2])
  },
  limiting({ maxSubscriptions: 2 }),
)

spec(
  'maxSubscriptions is exact for SUBSCRIBE packets that are handled simultaneously',
  [5],
  async ({ connect }) => {
    const client = await connect('limited')
    for (const [index, topic] of ['a', 'b', 'c', 'd'].entries()) {
      client.send({ cmd: 'subscribe', messageId: index + 1, subscriptions: filters(topic) })
    }
    const codes: unknown[] = []
    for (let index = 0; index < 4; index++) codes.push(...(await client.expect('suback')).granted)
    assert.deepEqual(codes, [2, 2, 0x97, 0x97])
  },
  { ...limiting({ maxSubscriptions: 2 }), authorizeSubscribe: async () => true },
)

spec(
  'a client with maximumQoS gets at most that QoS, and a PUBLISH above it ends its connection, unlike those of others',
  ALL,
  async ({ version, connect, resume, dial }) => {
    const { client, connack } = await resume('limited')
    if (version === 5) assert.equal(connack.properties?.maximumQoS, 1)
    assert.deepEqual(await client.subscribe(...filters('a')), [1])
    await publishText(client, 'b', '1', { qos: 1 })
    client.send(publishPacket({ topic: 'b', qos: 2, messageId: 9 }))
    if (version === 5) await client.expectDisconnect(0x9b)
    else await client.closed()
    const will = willOf({ qos: 2 })
    if (version === 5) await refuse(dial(), connectPacket(5, { clientId: 'limited', will }), 0x9b)
    const other = await resume('other', { will })
    assert.equal(other.connack.properties?.maximumQoS, undefined)
    assert.deepEqual(await other.client.subscribe(...filters('a')), [2])
    await connect('limited', { will: willOf({ qos: 1 }) })
  },
  limiting({ maximumQoS: 1 }),
)

spec(
  'a client with retainAvailable false must not retain messages, and still receives those of others',
  [5],
  async ({ connect, resume, dial }) => {
    const other = await connect('other')
    await publishText(other, 'a', 'kept', { retain: true })
    const { client, connack } = await resume('limited')
    assert.equal(connack.properties?.retainAvailable, false)
    await client.subscribe(...filters('a'))
    assert.equal((await client.expect('publish')).retain, true)
    client.send(publishPacket({ topic: 'a', retain: true }))
    await client.expectDisconnect(0x9a)
    await refuse(dial(), connectPacket(5, { clientId: 'limited', will: willOf({ retain: true }) }), 0x9a)
  },
  limiting({ retainAvailable: false }),
)

spec(
  'CONNACK has the maxPacketSize of the client, and a larger packet or will is refused',
  [5],
  async ({ connect, resume, dial }) => {
    const { client, connack } = await resume('limited')
    assert.equal(connack.properties?.maximumPacketSize, 100)
    await publishText(client, 'a', 'x'.repeat(80), { qos: 1 })
    client.send(publishPacket({ topic: 'a', payload: Buffer.alloc(100) }))
    await client.expectDisconnect(0x95)
    await refuse(dial(), connectPacket(5, { clientId: 'limited', will: willOf({ payload: Buffer.alloc(101) }) }), 0x95)
    const other = await connect('other')
    await publishText(other, 'a', 'x'.repeat(1000), { qos: 1 })
  },
  limiting({ maxPacketSize: 100 }),
)

spec(
  'the limits of a client cannot exceed those of the broker, except for maxSubscriptions',
  [5],
  async ({ resume }) => {
    const { client, connack } = await resume('limited')
    const { maximumQoS, retainAvailable, maximumPacketSize } = connack.properties ?? {}
    assert.deepEqual(
      { maximumQoS, retainAvailable, maximumPacketSize },
      {
        ...{ maximumQoS: 1, retainAvailable: false, maximumPacketSize: 1000 },
      },
    )
    assert.deepEqual(await client.subscribe(...filters('a', 'b')), [1, 1], 'its own limit of subscriptions is higher')
  },
  {
    ...limiting({ maximumQoS: 2, retainAvailable: true, maxPacketSize: 5000, maxSubscriptions: 2 }),
    ...{ maximumQoS: 1, retainAvailable: false, maxPacketSize: 1000, maxSubscriptions: 1 },
  },
)

spec(
  'the limits of a client can be replaced at any time with client.limits',
  ALL,
  async ({ broker, version, connect }) => {
    const refused = quotaRefusal(version)
    const client = await connect('a')
    const connected = broker.clients.a
    assert.equal(connected!.limits, undefined)
    connected!.limits = { maxSubscriptions: 1, maximumQoS: 1 }
    assert.deepEqual(connected!.limits, { maxSubscriptions: 1, maximumQoS: 1 })
    assert.deepEqual(await client.subscribe(...filters('a', 'b')), [1, refused])
    connected!.limits = undefined
    assert.deepEqual(await client.subscribe(...filters('a', 'b')), [2, 2])
    connected!.limits = { maxSubscriptions: 1 }
    assert.deepEqual(
      await client.subscribe(...filters('a', 'b', 'c')),
      [2, 2, refused],
      'existing subscriptions remain',
    )
    for (const wrong of [
      { maxSubscriptions: -1 },
      { maximumQoS: 3 },
      { retainAvailable: 1 },
      { maxPacketSize: 1 },
      {
        maxSubs: 1,
      },
    ]) {
      assert.throws(() => Object.assign(connected!, { limits: wrong }), { code: 'ANAX_ERR_ARGUMENT' })
    }
  },
)

test('a re-authentication replaces the limits of a client only if its result has limits', async () => {
  let limits: ClientLimits | undefined = { maxSubscriptions: 1 }
  const broker = await createBroker({ authenticateExtended: () => ({ result: 'success', ...(limits && { limits }) }) })
  const client = new SpecClient(broker, 5)
  const properties = { authenticationMethod: 'M' }
  await client.connect({ clientId: 'a', properties })
  const again = async () => {
    client.send({ cmd: 'auth', reasonCode: 0x19, properties })
    assert.equal((await client.expect('auth')).reasonCode, 0)
  }
  assert.deepEqual(await client.subscribe(...filters('a', 'b')), [2, 0x97])
  limits = undefined
  await again()
  assert.deepEqual(await client.subscribe(...filters('b')), [0x97])
  limits = { maxSubscriptions: 2 }
  await again()
  assert.deepEqual(await client.subscribe(...filters('b', 'c')), [2, 0x97])
  await client.disconnect()
  await broker.close()
})
