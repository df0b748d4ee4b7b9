/** Wills and permissions: dropped or refused, published at once or later, whoever left them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { aclFile, allow, compose, custom, passwordFile } from '../../../lib/auth/index.js'
import { createBroker } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { QoS } from '../../../types/message/packets.js'
import { codeOf, denialsOf, enter, quickHash, withAuth } from '../support.js'

const at = (topic: string, qos: QoS = 1) => ({ topic, qos })
const payload = Buffer.from('x')

describe('wills', () => {
  const will = (topic: string, willDelayInterval = 0) => ({
    will: { topic, payload, qos: 0 as const, retain: false, properties: { willDelayInterval } },
    properties: { sessionExpiryInterval: 100 },
  })
  const rules = { users: { alice: [allow({ publish: 'a/%c' })], root: [allow({ subscribe: '#' })] } }

  it('that are denied do not refuse CONNECT, and are never published', async () => {
    const auth = aclFile(rules)
    const denials = denialsOf(auth)
    await withAuth(auth, async broker => {
      const root = await enter(broker, { username: 'root' })
      await root.subscribe(at('#', 0))
      const alice = await enter(broker, { username: 'alice', packet: will('b') })
      const gone = new Promise(resolve => broker.once('publishRefused', resolve))
      await alice.drop()
      await gone
      const other = await enter(broker, { username: 'alice', packet: will('a/alice') })
      await other.drop()
      assert.equal((await root.expect('publish')).topic, 'a/alice')
      await root.expectNothing()
    })
    assert.deepEqual(denials, ['publish no-rule b'])
  })

  it('that are delayed are checked with the identity of their client', async () => {
    const clock = new FakeClock()
    const auth = aclFile(rules, { clock })
    const broker = await createBroker({ ...auth, clock })
    const root = await enter(broker, { username: 'root' })
    await root.subscribe(at('#', 0))
    const refused: string[] = []
    broker.on('publishRefused', (_error, { topic }) => refused.push(topic))
    for (const [clientId, topic] of [
      ['one', 'a/one'],
      ['two', 'a/three'],
    ] as const) {
      const alice = await enter(broker, { username: 'alice', clientId, packet: will(topic, 10) })
      await alice.drop()
    }
    await clock.advance(20_000)
    assert.equal((await root.expect('publish')).topic, 'a/one')
    await root.expectNothing()
    assert.deepEqual(refused, ['a/three'])
    const closing = broker.close()
    await clock.advance(60_000)
    await closing
  })

  it('from a store are checked with the identity of their client, by the current modules', async () => {
    const clock = new FakeClock()
    const [before, after] = [aclFile(rules, { clock }), aclFile(rules, { clock })]
    const broker = await createBroker({ ...before, clock })
    const root = await enter(broker, { username: 'root' })
    await root.subscribe(at('#', 0))
    for (const [username, clientId, topic] of [
      ['alice', 'one', 'a/one'],
      ['bob', 'two', 'a/two'],
    ] as const) {
      const client = await enter(broker, { username, clientId, packet: will(topic, 10) })
      await client.drop()
    }
    // what the first broker remembers of its clients is lost, as after a restart
    Object.assign(broker, { ...after })
    await clock.advance(20_000)
    assert.equal((await root.expect('publish')).topic, 'a/one')
    await root.expectNothing()
    const closing = broker.close()
    await clock.advance(60_000)
    await closing
  })

  it('must respect the limits of their client: otherwise CONNECT is refused, and nothing is stored', async () => {
    const limits = { retainAvailable: false, maximumQoS: 0 as const, maxPacketSize: 64 }
    const limited = custom(({ username }) => ({ username, ...(username === 'bob' && { limits }) }))
    const everything = aclFile({ everyone: [allow({ all: '#' })] })
    await withAuth(compose([limited, everything]), async broker => {
      const left = (parts: object) => ({ will: { topic: 'w', payload, qos: 0 as const, retain: false, ...parts } })
      const beyond: [object, number][] = [
        [{ retain: true }, 0x9a],
        [{ qos: 1 }, 0x9b],
        [{ payload: Buffer.alloc(65) }, 0x95],
      ]
      for (const [parts, code] of beyond) {
        assert.equal(await codeOf(broker, { username: 'bob', packet: left(parts) }), code)
        assert.equal(await codeOf(broker, { username: 'alice', packet: left(parts) }), 0)
      }
      assert.equal(await codeOf(broker, { username: 'bob', packet: left({}) }), 0)
    })
  })

  it('are checked at CONNECT if the option says so', async () => {
    const auth = compose([passwordFile({ alice: quickHash('x') }), aclFile(rules)], { deniedWill: 'refuse' })
    await withAuth(auth, async broker => {
      await assert.rejects(enter(broker, { username: 'alice', password: 'x', packet: will('b') }), /135/)
      const alice = await enter(broker, { username: 'alice', password: 'x', packet: will('a/alice') })
      await alice.disconnect()
    })
    assert.throws(() => aclFile(rules, { deniedWill: 'refuse' }), { code: 'ANAX_ERR_OPTION' })
  })
})
