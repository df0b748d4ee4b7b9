/**
 * Will Delay Interval: the will waits, is published when the session ends, or is cancelled when the client reconnects;
 * many deadlines.
 */
import assert from 'node:assert/strict'
import type { ConnectPacket, Will } from '../../../types/message/packets.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { type Spec, spec } from '../../support/spec.js'

const NEVER = 0xffffffff

function terms(delay: number, sessionExpiryInterval: number, parts: Partial<Will> = {}): Partial<ConnectPacket> {
  const properties = { willDelayInterval: delay }
  const will: Will = { topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: false, properties, ...parts }
  return { clean: false, will, properties: { sessionExpiryInterval } }
}

async function watcherOf({ connect }: Spec): Promise<SpecClient> {
  const watcher = await connect('watcher')
  await watcher.subscribe({ topic: 'will/#', qos: 0 })
  return watcher
}

/** The will is published after this time, not before, and only once. */
async function expectAfter(watcher: SpecClient, { clock }: Spec, ms: number): Promise<void> {
  if (ms > 0) {
    await clock.advance(ms - 100)
    await watcher.expectNothing()
    await clock.advance(200)
  }
  assert.equal((await watcher.expect('publish')).payload.toString(), 'gone')
  await clock.advance(10 * 24 * 3600_000)
  await watcher.expectNothing()
}

for (const [delay, expiry, afterMs] of [
  [10, 100, 10_000],
  [10, NEVER, 10_000],
  [100, 10, 10_000],
  [10, 10, 10_000],
  [NEVER, 10, 10_000],
  [0, 100, 0],
  [10, 0, 0],
  [3600, NEVER, 3600_000],
] as const) {
  spec(
    `[5.0 MQTT-3.1.2-8] [5.0 MQTT-3.1.2-7] delay ${delay}, session expiry ${expiry}: the will comes after ${afterMs} ms`,
    [5],
    async tools => {
      const watcher = await watcherOf(tools)
      await (await tools.connect('leaving', terms(delay, expiry))).drop()
      await expectAfter(watcher, tools, afterMs)
    },
  )
}

spec('[5.0 MQTT-3.1.2-8] the delay applies after DISCONNECT 0x04 too', [5], async tools => {
  const watcher = await watcherOf(tools)
  const client = await tools.connect('leaving', terms(10, 100))
  await client.disconnect({ reasonCode: 0x04 })
  await expectAfter(watcher, tools, 10_000)
})

spec('[5.0 MQTT-3.1.2-8] a session expiry that DISCONNECT 0x04 shortens ends the delay', [5], async tools => {
  const watcher = await watcherOf(tools)
  const client = await tools.connect('leaving', terms(100, 1000))
  await client.disconnect({ reasonCode: 0x04, properties: { sessionExpiryInterval: 20 } })
  await expectAfter(watcher, tools, 20_000)
})

spec('[5.0 MQTT-3.1.2-8] after DISCONNECT 0x04 with an expiry of 0 the will is published at once', [5], async tools => {
  const watcher = await watcherOf(tools)
  const client = await tools.connect('leaving', terms(100, 1000))
  await client.disconnect({ reasonCode: 0x04, properties: { sessionExpiryInterval: 0 } })
  await expectAfter(watcher, tools, 0)
})

spec('[5.0 MQTT-3.1.3-9] [5.0 MQTT-3.1.2-8] a client that reconnects in time cancels its will', [5], async tools => {
  const { clock, connect } = tools
  const watcher = await watcherOf(tools)
  await (await connect('leaving', terms(10, 100))).drop()
  await clock.advance(9000)
  const back = await connect('leaving', { clean: false, properties: { sessionExpiryInterval: 100 } })
  await clock.advance(3600_000)
  await watcher.expectNothing()
  // its session has no will any more
  await back.drop()
  await clock.advance(3600_000)
  await watcher.expectNothing()
})

spec(
  '[5.0 MQTT-3.1.3-9] the new will of a client that reconnects in time replaces the delayed one',
  [5],
  async tools => {
    const { clock, connect } = tools
    const watcher = await watcherOf(tools)
    await (await connect('leaving', terms(10, 100, { topic: 'will/old' }))).drop()
    await clock.advance(9000)
    const back = await connect('leaving', terms(10, 100))
    await clock.advance(3600_000)
    await watcher.expectNothing()
    await back.drop()
    await expectAfter(watcher, tools, 10_000)
  },
)

spec(
  '[5.0 MQTT-3.1.2-8] [5.0 MQTT-3.1.2-4] a clean start ends the session, and with it the delay',
  [5],
  async tools => {
    const { clock, connect } = tools
    const watcher = await watcherOf(tools)
    await (await connect('leaving', terms(10, 100))).drop()
    await clock.advance(5000)
    await connect('leaving', { clean: true })
    await expectAfter(watcher, tools, 0)
  },
)

spec('a refused CONNECT cancels nothing', [5], async tools => {
  const { broker, clock, connect, dial } = tools
  const watcher = await watcherOf(tools)
  await (await connect('leaving', terms(10, 100))).drop()
  broker.authenticate = () => false
  await dial().connect({ clientId: 'leaving', clean: false })
  await clock.advance(9900)
  await watcher.expectNothing()
  await clock.advance(200)
  await watcher.expect('publish')
})

spec('[5.0 MQTT-3.1.2-15] a delayed will with retain is retained when it is published', [5], async tools => {
  const { clock, connect } = tools
  await (await connect('leaving', terms(10, 100, { retain: true }))).drop()
  await clock.advance(5000)
  const early = await watcherOf(tools)
  await early.expectNothing()
  await clock.advance(5100)
  assert.equal((await early.expect('publish')).retain, false)
  const late = await connect('late')
  await late.subscribe({ topic: 'will', qos: 0 })
  assert.equal((await late.expect('publish')).retain, true)
})

spec('a will whose delay and session end at the same time is published once', [5], async tools => {
  const watcher = await watcherOf(tools)
  let wills = 0
  tools.broker.on('publish', () => wills++)
  for (let i = 0; i < 500; i++) await (await tools.connect(`leaving-${i}`, terms(10, i % 2 === 0 ? 10 : 20))).drop()
  await tools.clock.advance(10_100)
  await tools.clock.advance(100)
  assert.equal(wills, 500)
  await tools.clock.advance(60_000)
  assert.equal(wills, 500)
  assert.equal((await watcher.settle()).length, 500)
})

spec('a delayed will is authorised when it is published', [5], async tools => {
  const { broker, clock, connect } = tools
  const watcher = await watcherOf(tools)
  await (await connect('leaving', terms(10, 100))).drop()
  const asked: unknown[] = []
  broker.authorizePublish = (client, { topic }) => {
    asked.push([client.id, client.connected, topic])
    return false
  }
  await clock.advance(10_100)
  await watcher.expectNothing()
  assert.deepEqual(asked, [['leaving', false, 'will']])
})

for (const clean of [true, false]) {
  spec(
    `a will that is being published when its client reconnects (clean start ${clean}) is published once, and the new will remains`,
    [5],
    async ({ broker, clock, connect, dial }) => {
      let published = 0
      broker.on('publish', () => published++)
      const verdicts: ((allowed: boolean) => void)[] = []
      broker.authorizePublish = () => new Promise<boolean>(resolve => verdicts.push(resolve))
      await (await connect('leaving', terms(10, 100))).drop()
      await clock.advance(10_100)
      assert.equal(verdicts.length, 1)
      const back = dial()
      const connack = back.connect({ clientId: 'leaving', ...terms(0, 100, { topic: 'will/new' }), clean })
      await clock.advance(10)
      for (const verdict of verdicts.splice(0)) verdict(true)
      await connack
      await clock.advance(10)
      assert.deepEqual([published, verdicts.length], [1, 0])
      broker.authorizePublish = undefined
      await back.drop()
      await clock.advance(10)
      assert.equal(published, 2)
    },
  )
}
