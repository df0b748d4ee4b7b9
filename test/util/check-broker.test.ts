/** Every layer that takes a broker refuses anything else immediately. */
import assert from 'node:assert/strict'
import http from 'node:http'
import { it } from 'node:test'
import { createAdmin } from '../../lib/admin/index.js'
import { type Broker, checkBroker, createBroker } from '../../lib/index.js'
import { createMetrics } from '../../lib/metrics/index.js'
import { publishPresence } from '../../lib/presence/index.js'
import { attachWebSocket, createServer } from '../../lib/server/server.js'

const LAYERS: Readonly<Record<string, (broker: Broker) => unknown>> = {
  createServer: broker => createServer(broker, { transport: 'tcp', port: 0 }),
  attachWebSocket: broker => attachWebSocket(broker, new http.Server()),
  createAdmin: broker => createAdmin(broker),
  createMetrics: broker => createMetrics(broker),
  publishPresence: broker => publishPresence(broker),
}

const WRONG: readonly [value: unknown, got: string][] = [
  [undefined, 'undefined'],
  [null, 'null'],
  ['broker', 'string'],
  [{}, 'an object without its methods'],
  [Promise.resolve(), 'a promise: await createBroker()'],
]

for (const [name, use] of Object.entries(LAYERS)) {
  it(`${name} refuses an argument that is not a broker`, async () => {
    for (const [value, got] of WRONG) {
      const message = `Invalid argument: the first argument has to be a broker, got ${got}`
      await assert.rejects(async () => use(value as Broker), { code: 'ANAX_ERR_ARGUMENT', message })
    }
  })
}

it('checkBroker accepts a broker', async () => {
  await using broker = await createBroker()
  checkBroker(broker)
})
