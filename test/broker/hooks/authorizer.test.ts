/** Invalid answers of hooks: each is a refusal with an event, and the connection stays open. */
import assert from 'node:assert/strict'
import type { Broker } from '../../../lib/index.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { spec } from '../../support/spec.js'

const NONSENSE: Record<string, () => unknown> = {
  'an empty object': () => ({}),
  'an object without a prototype': () => Object.create(null),
  'an object whose properties throw': () => {
    const thrower = { get: () => assert.fail('on purpose') }
    return Object.defineProperties({}, { topic: thrower, result: thrower, reasonCode: thrower })
  },
  'a list': () => [],
  'a symbol': () => Symbol('x'),
  'a number that is not a reason code': () => Number.NaN,
  'an empty text': () => '',
}

function told(broker: Broker): string[] {
  const events: string[] = []
  broker.on('hookError', (_, hook) => events.push(hook))
  return events
}

for (const [what, answer] of Object.entries(NONSENSE)) {
  spec(
    `${what} is an invalid answer of authorizePublish and authorizeSubscribe, and refuses`,
    [5],
    async ({ broker, connect }) => {
      const events = told(broker)
      const client = await connect('client')
      broker.authorizePublish = answer as never
      broker.authorizeSubscribe = answer as never
      assert.equal(await client.publish({ topic: 'a', qos: 1 }), 0x87)
      assert.deepEqual(await client.subscribe({ topic: 'a', qos: 1 }), [0x87])
      if (what.startsWith('a number')) return
      assert.deepEqual(events, ['authorizePublish', 'authorizeSubscribe'])
    },
  )

  spec(`${what} is an invalid answer of authenticate, and refuses`, [5], async ({ broker }) => {
    broker.authenticate = answer as never
    const { reasonCode } = await new SpecClient(broker, 5).connect({ clientId: 'client' })
    assert.equal(reasonCode, 0x87)
  })

  spec(
    `${what} is an invalid answer of authorizeForward, and nothing is forwarded`,
    [5],
    async ({ broker, connect }) => {
      const client = await connect('client')
      await client.subscribe({ topic: 'a', qos: 1 })
      broker.authorizeForward = answer as never
      await broker.publish({ topic: 'a', qos: 1 })
      await client.expectNothing()
    },
  )
}

spec('a refusal with properties that cannot be encoded is sent without them', [5], async ({ broker }) => {
  for (const explanation of [{ serverReference: 'a\0b' }, { reasonString: '\ud800' }, { userProperties: { a: 7 } }]) {
    broker.authenticate = () => ({ reasonCode: 0x9c, ...explanation }) as never
    const client = new SpecClient(broker, 5)
    assert.equal((await client.connect({ clientId: 'client' })).reasonCode, 0x9c)
    await client.closed()
  }
})

spec(
  'an enhanced authentication whose data cannot be encoded ends the connection',
  [5],
  async ({ broker, connect }) => {
    const properties = { authenticationMethod: 'm' }
    broker.authenticateExtended = () => ({ result: 'success' })
    const client = await connect('client', { properties })
    broker.authenticateExtended = () => ({ result: 'success', data: 7 }) as never
    client.send({ cmd: 'auth', reasonCode: 0x19, properties })
    await client.expectDisconnect(0x87)
    const refused = await new SpecClient(broker, 5).connect({ clientId: 'client', properties })
    assert.notEqual(refused.reasonCode, 0)
  },
)
