/** A mistake in the host's code is told, also to a host that listens to no event. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, it } from 'node:test'
import { type Broker, createBroker } from '../../../lib/index.js'
import type { Logger } from '../../../types/logger.js'

/** A warning as Node.js emits it. */
type Warning = Error & { code?: string; detail?: string }

const warnings: Warning[] = []
const collect = (warning: Warning) => {
  if (warning.code === 'ANAX_WARN_UNHEARD') warnings.push(warning)
}
beforeEach(() => process.on('warning', collect))
afterEach(() => {
  process.off('warning', collect)
  warnings.length = 0
})

const silent: Logger = { error() {}, warn() {}, info() {}, debug() {}, child: () => silent }

/** Makes each kind of mistake twice. */
async function makeMistakes(broker: Broker): Promise<void> {
  const fail = (what: string) => () => {
    throw new Error(`a mistake in ${what}`)
  }
  await broker.subscribe('a', fail('a listener'))
  await broker.subscribe('a', async () => {
    throw new Error('a mistake in another')
  })
  broker.authenticate = fail('a hook')
  broker.on('connectionError', fail('an event'))
  for (const _ of [1, 2]) {
    await broker.publish({ topic: 'a' })
    await assert.rejects(broker.client({ hooks: 'ask' }))
  }
  await broker.close()
  await new Promise(setImmediate)
}

it('one warning for each kind of mistake, with its place', async () => {
  await makeMistakes(await createBroker())
  const told = warnings.map(({ message, detail = '' }) => [message.split('; this is')[0], detail.split('\n')[0]])
  assert.deepEqual(told.sort(), [
    ['A hook threw or rejected: authenticate: a mistake in a hook', 'Error: a mistake in a hook'],
    ['A listener of a broker event threw: connectionError', 'Error: a mistake in an event'],
    ['A listener of a broker event threw: subscribe a', 'Error: a mistake in a listener'],
    ['A listener of a broker event threw: subscribe a', 'Error: a mistake in another'],
  ])
  assert.ok(warnings.every(({ detail }) => detail?.includes('unheard-errors.test')))
})

it('none where somebody listens, or there is a logger', async () => {
  const heard = await createBroker()
  const heardErrors: string[] = []
  heard.on('hookError', (_error, hook) => heardErrors.push(hook))
  await makeMistakes(heard)
  assert.equal(heardErrors.length, 8)
  await makeMistakes(await createBroker({ logger: silent }))
  assert.deepEqual(warnings, [])
})
