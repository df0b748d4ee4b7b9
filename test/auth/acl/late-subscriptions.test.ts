/**
 * Subscriptions that were allowed and are not granted yet when permissions change: they are checked again once they are
 * granted.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { type Auth, aclFile, allow, custom, httpAuth } from '../../../lib/auth/index.js'
import { createMemoryPersistence } from '../../../lib/index.js'
import { heldStore } from '../../support/brokers/stores.js'
import { enter, withAuth } from '../support.js'

const forbidden = new Set<string>()

/** Allows what is not forbidden at the moment. */
const service = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const { topic } = JSON.parse(Buffer.concat(chunks).toString())
  response.end(JSON.stringify({ result: forbidden.has(topic) ? 'deny' : 'allow' }))
})
before(() => once(service.listen(0, '127.0.0.1'), 'listening'))
after(() => service.close().closeAllConnections())

const filters = ['secret', 'news'].map(topic => ({ topic, qos: 1 as const }))
const allowed = () => filters.map(({ topic }) => topic).filter(topic => !forbidden.has(topic))

const modules: Record<string, () => Auth> = {
  'typed rules': () => aclFile(() => ({ everyone: [allow({ all: allowed() })] })),
  'a service': () => httpAuth({ authorize: `http://127.0.0.1:${(service.address() as AddressInfo).port}/acl` }),
  'rules of an identity': () => {
    const allow = { permission: 'allow', action: 'all' } as const
    const who = () => ({ username: 'alice', rules: allowed().map(filter => ({ ...allow, filter })) })
    return custom(who, { stillKnows: who })
  },
}

describe('a subscription that is being stored while permissions change', () => {
  for (const [name, module] of Object.entries(modules)) {
    it(`ends as soon as it is stored: ${name}`, async () => {
      forbidden.clear()
      const auth = module()
      const { store, hold, letGo, waiting } = heldStore(createMemoryPersistence())
      const body = async (broker: Parameters<Parameters<typeof withAuth>[1]>[0]) => {
        const packet = { clean: false, properties: { sessionExpiryInterval: 100 } }
        const alice = await enter(broker, { username: 'alice', packet })
        const { subscriptions } = broker.clients.alice!
        hold('addSubscriptions')
        const answered = alice.subscribe(...filters)
        while (waiting.length === 0) await new Promise(setImmediate)
        forbidden.add('secret')
        await auth.reload()
        letGo()
        assert.deepEqual(await answered, [1, 1])
        while (subscriptions.has('secret')) await new Promise(setImmediate)
        assert.deepEqual([...subscriptions.keys()], ['news'])
        assert.deepEqual(await alice.subscribe(...filters), [0x87, 1])
      }
      await withAuth(auth, body, { persistence: store })
    })
  }
})
