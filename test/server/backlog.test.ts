/** The number of pending connections that the system keeps for a listener: the option, or enough for a burst. */
import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import { createBroker } from '../../lib/index.js'
import { createServer, type ListenerOptions } from '../../lib/server/server.js'

const TRANSPORTS = ['tcp', 'ws'] as const

test('a listener passes its backlog to the operating system', async t => {
  await using broker = await createBroker()
  const listen = t.mock.method(net.Server.prototype, 'listen')
  for (const transport of TRANSPORTS) {
    for (const [backlog, expected] of [
      [undefined, 8192],
      [3, 3],
    ] as const) {
      const options: ListenerOptions = { transport, port: 0, ...(backlog && { backlog }) }
      await using _server = await createServer(broker, options)
      assert.equal((listen.mock.calls.at(-1)!.arguments[0] as { backlog?: number }).backlog, expected)
    }
  }
})

test('an invalid backlog is refused', async () => {
  await using broker = await createBroker()
  for (const backlog of [0, -1, 1.5, Number.NaN, '3' as unknown as number]) {
    await assert.rejects(createServer(broker, { transport: 'tcp', port: 0, backlog }), {
      code: 'ANAX_ERR_LISTEN',
      message: /backlog has to be a number above 0/,
    })
  }
})
