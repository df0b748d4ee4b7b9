/** Limits of identities: passed to the broker, changed while the client is connected, combined. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { allOf, custom, identityOf } from '../../lib/auth/index.js'
import { enter, withAuth } from './support.js'

describe('limits of an identity', () => {
  it('apply at once when they change, and not at all when they are removed', async () => {
    let limits: { maxSubscriptions: number } | undefined = { maxSubscriptions: 1 }
    const rules = [{ permission: 'allow', action: 'all', filter: '#' }] as const
    const who = () => ({ username: 'alice', rules, ...(limits && { limits }) })
    const auth = custom(who, { stillKnows: who })
    await withAuth(auth, async broker => {
      const client = await enter(broker, { username: 'alice' })
      const subscribe = async () => client.subscribe(...['a', 'b', 'c'].map(topic => ({ topic, qos: 0 as const })))
      assert.deepEqual(await subscribe(), [0, 0x97, 0x97])
      limits = { maxSubscriptions: 2 }
      await auth.recheck()
      assert.deepEqual(await subscribe(), [0, 0, 0x97])
      limits = undefined
      await auth.recheck()
      assert.deepEqual(await subscribe(), [0, 0, 0])
    })
  })

  it('are the lowest of all modules, if all must accept the client', async () => {
    const limits = { maximumQoS: 0 as const, retainAvailable: false }
    const one = custom(({ username }) => ({ username, limits }))
    const other = custom(({ username }) => ({
      username,
      limits: { maximumQoS: 2, retainAvailable: true, maxPacketSize: 200 },
    }))
    for (const auth of [allOf([one, other]), allOf([other, one])]) {
      await withAuth(auth, async broker => {
        await enter(broker, { username: 'x', clientId: 'c' })
        const narrowest = { maximumQoS: 0, retainAvailable: false, maxPacketSize: 200 }
        assert.deepEqual({ ...identityOf(broker.clients.c!).limits }, narrowest)
        assert.deepEqual(broker.clients.c!.limits, narrowest)
      })
    }
  })
})
