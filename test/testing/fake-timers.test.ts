/** A broker in a test whose runner has replaced every timer, as Vitest does by default: messages still pass. */
import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { it, mock, type TestContext } from 'node:test'
import { connect, openStream, type ReceivedMessage } from '../../lib/client/index.js'
import { createBroker } from '../../lib/index.js'
import { startTestBroker } from '../../lib/testing/index.js'

/** A client publishes to itself, over TCP. @returns what arrived */
async function exchange(t: TestContext): Promise<string> {
  await using broker = await createBroker()
  const server = createServer(broker.handle)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())

  const { port } = server.address() as AddressInfo
  const client = await connect(await openStream(`mqtt://127.0.0.1:${port}`), { keepalive: 60 })
  const received = new Promise<ReceivedMessage>(resolve => client.subscribe('a', { qos: 1 }, resolve))
  await client.publish('a', 'x', { qos: 1 })
  const { payload } = await received
  client.disconnect()
  return String(payload)
}

it('a broker serves its clients while every timer of the test is mocked', async t => {
  mock.timers.enable({ apis: ['setImmediate', 'setTimeout', 'setInterval', 'Date'] })
  t.after(() => mock.timers.reset())
  assert.equal(await exchange(t), 'x')
})

it('a broker works in an environment for web pages, whose timers are numbers', async t => {
  const { setTimeout: start, clearTimeout: stop } = globalThis
  const timers: NodeJS.Timeout[] = []
  t.mock.method(globalThis, 'setTimeout', (callback: () => void, ms: number) => timers.push(start(callback, ms)) - 1)
  t.mock.method(globalThis, 'clearTimeout', (index?: number) => stop(timers[index ?? -1]))
  t.after(() => timers.forEach(stop))
  assert.equal(await exchange(t), 'x')
})

it('a test broker works and settles while every timer of the test is mocked', async t => {
  mock.timers.enable({ apis: ['setImmediate', 'setTimeout', 'setInterval', 'Date'] })
  t.after(() => mock.timers.reset())
  const kit = await startTestBroker()
  const client = await kit.client()
  await client.publish('a', 'x', { qos: 1 })
  await kit.settled()
  assert.equal(kit.messages.last('a')?.text, 'x')
  await kit.close()
})

it('the kit says that a fake process.nextTick keeps streams from working, instead of waiting', async t => {
  const kit = await startTestBroker()
  // what others want to do is done later
  const held: (() => void)[] = []
  const fake = t.mock.method(process, 'nextTick', (callback: (...args: unknown[]) => void, ...args: unknown[]) => {
    held.push(() => callback(...args))
  })
  const refusal = { code: 'ANAX_ERR_ARGUMENT', message: /doNotFake: \['nextTick', 'queueMicrotask'\]/ }
  await assert.rejects(startTestBroker(), refusal)
  await assert.rejects(kit.client(), refusal)
  await assert.rejects(kit.connect(class {} as never), refusal)
  await assert.rejects(kit.close(), refusal)
  fake.mock.restore()
  for (const callback of held) process.nextTick(callback)
  await kit.close()
})

it('the kit works with a process.nextTick that wraps the real one', async t => {
  const { nextTick } = process
  t.mock.method(process, 'nextTick', (...args: Parameters<typeof nextTick>) => nextTick(...args))
  const kit = await startTestBroker()
  await kit.client()
  await kit.close()
})
