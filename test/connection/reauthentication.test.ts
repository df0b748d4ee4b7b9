/** An unfinished re-authentication: its time is limited, and it leaves nothing behind. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ExtendedAuthentication } from '../../types/broker/hooks.js'
import { connectPacket, type SpecClient } from '../support/clients/spec-client.js'
import { type Spec, spec } from '../support/spec.js'

const METHOD = { authenticationMethod: 'm' }

/** A client whose re-authentication has begun, and a hook that sends challenges until the answer is right. */
async function challenged({ broker, connect }: Spec): Promise<SpecClient> {
  broker.authenticateExtended = (_, { step, data }: ExtendedAuthentication) => ({
    result: step === 'connect' || data?.toString() === 'right' ? 'success' : 'continue',
  })
  const client = await connect('client', { properties: METHOD })
  client.send({ cmd: 'auth', reasonCode: 0x19, properties: METHOD })
  assert.equal((await client.expect('auth')).reasonCode, 0x18)
  return client
}

spec('a challenge that is not answered within connectTimeout ends the connection', [5], async scene => {
  const { broker, clock } = scene
  const told: string[] = []
  broker.on('clientError', ({ id }, { code }) => told.push(`${id} ${code}`))
  const client = await challenged(scene)
  await clock.advance(29_900)
  await client.expectNothing()
  await clock.advance(200)
  await client.expectDisconnect(0x87)
  assert.deepEqual(told, ['client ANAX_ERR_AUTH_FAILED'])
})

spec('further challenges do not extend the time limit of a re-authentication', [5], async scene => {
  const { clock } = scene
  const client = await challenged(scene)
  for (let i = 0; i < 2; i++) {
    await clock.advance(14_000)
    client.send({ cmd: 'auth', reasonCode: 0x18, properties: METHOD })
    assert.equal((await client.expect('auth')).reasonCode, 0x18)
  }
  await clock.advance(2100)
  await client.expectDisconnect(0x87)
})

spec('a re-authentication that is finished in time has no further effect on the connection', [5], async scene => {
  const { clock } = scene
  const client = await challenged(scene)
  client.send({ cmd: 'auth', reasonCode: 0x18, properties: { ...METHOD, authenticationData: Buffer.from('right') } })
  assert.equal((await client.expect('auth')).reasonCode, 0)
  await clock.advance(60_000)
  await client.expectNothing()
})

spec('a pending hook is not awaited when the connection ends', [5], async scene => {
  const { broker, clock, connect } = scene
  broker.authenticateExtended = (_, { step }) => (step === 'connect' ? { result: 'success' } : new Promise(() => {}))
  const client = await connect('client', { properties: METHOD })
  client.send({ cmd: 'auth', reasonCode: 0x19, properties: METHOD })
  await client.settle()
  const closed = once(broker, 'clientDisconnect')
  await client.drop()
  await closed
  await clock.advance(60_000)
})

spec(
  'a challenge during CONNECT that is not answered in time is refused with CONNACK',
  [5],
  async ({ broker, dial, clock }) => {
    const told: string[] = []
    broker.on('connectionError', (_, { code }) => told.push(code))
    broker.authenticateExtended = () => ({ result: 'continue' })
    const client = dial()
    client.send(connectPacket(5, { properties: METHOD }))
    await client.expect('auth')
    await clock.advance(30_100)
    assert.equal((await client.expect('connack')).reasonCode, 0x87)
    await client.closed()
    assert.deepEqual(told, ['ANAX_ERR_AUTH_FAILED'])
  },
)
