/** A broker in a test whose runner has replaced every timer, as Vitest does by default: messages still pass. */
import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { it, mock } from 'node:test'
import { connect, openStream, type ReceivedMessage } from '../../lib/client/index.js'
import { createBroker } from '../../lib/index.js'
import { startTestBroker } from '../../lib/testing/index.js'

it('a broker serves its clients while every timer of the test is mocked', async t => {
  mock.timers.enable({ apis: ['setImmediate', 'setTimeout', 'setInterval', 'Date'] })
  t.after(() => mock.timers.reset())
  await using broker = await createBroker()
  const server = createServer(broker.handle)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())

  const { port } = server.address() as AddressInfo
  const client = await connect(await openStream(`mqtt://127.0.0.1:${port}`))
  const received = new Promise<ReceivedMessage>(resolve => client.subscribe('a', { qos: 1 }, resolve))
  await client.publish('a', 'x', { qos: 1 })
  assert.equal(String((await received).payload), 'x')
  client.disconnect()
})

it('so does the kit, which settles as well', async t => {
  mock.timers.enable({ apis: ['setImmediate', 'setTimeout', 'setInterval', 'Date'] })
  t.after(() => mock.timers.reset())
  const kit = await startTestBroker()
  const client = await kit.client()
  await client.publish('a', 'x', { qos: 1 })
  await kit.settled()
  assert.equal(kit.messages.last('a')?.text, 'x')
  await kit.close()
})
