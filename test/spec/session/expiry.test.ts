/**
 * Session Expiry Interval: none, some seconds, forever; as requested, as limited, as changed in DISCONNECT; deadlines.
 */
import assert from 'node:assert/strict'
import { byEffort } from '../../support/effort.js'
import { type Spec, spec } from '../../support/spec.js'

const NEVER = 0xffffffff
const DAY_MS = 24 * 3600_000
const MONTH_MS = 30 * DAY_MS

/** Whether the session of a client that disconnected `afterMs` ago still exists. */
async function isPresent({ clock, resume }: Spec, clientId: string, afterMs: number): Promise<boolean> {
  await clock.advance(afterMs)
  const { client, connack } = await resume(clientId, { clean: false, properties: { sessionExpiryInterval: 0 } })
  await client.disconnect()
  return connack.sessionPresent
}

function expiring(seconds: number | undefined) {
  return seconds === undefined ? { clean: false } : { clean: false, properties: { sessionExpiryInterval: seconds } }
}

for (const [interval, afterMs, present] of [
  [undefined, 0, false],
  [0, 0, false],
  [1, 900, true],
  [1, 1100, false],
  [100, 99_000, true],
  [100, 101_000, false],
  [NEVER - 1, DAY_MS, true],
  [NEVER, 2400 * MONTH_MS, true],
] as const) {
  const name = interval === NEVER ? '0xFFFFFFFF' : String(interval ?? 'not given')
  const title = present
    ? `[5.0 MQTT-3.1.2-23] [5.0 MQTT-3.2.2-3] expiry ${name}: the session exists after ${afterMs} ms`
    : `[5.0 MQTT-4.1.0-2] [5.0 MQTT-3.2.2-3] expiry ${name}: the session is gone after ${afterMs} ms`
  spec(title, [5], async tools => {
    await (await tools.connect('client', expiring(interval))).drop()
    assert.equal(await isPresent(tools, 'client', afterMs), present)
  })
}

spec('the interval of the last CONNECT applies, from the end of its connection', [5], async tools => {
  const { clock, connect } = tools
  await (await connect('client', expiring(1000))).disconnect()
  await clock.advance(10_000)
  const again = await connect('client', expiring(20))
  await clock.advance(100_000)
  await again.drop()
  await clock.advance(19_000)
  await (await connect('client', expiring(20))).drop()
  assert.equal(await isPresent(tools, 'client', 21_000), false)
})

spec('[5.0 MQTT-4.1.0-2] an expired session leaves nothing behind, and an event reports it', [5], async tools => {
  const { broker, clock, connect, resume } = tools
  const ended: unknown[] = []
  broker.on('sessionEnded', (...args) => ended.push(args))
  const client = await connect('client', expiring(10))
  await client.subscribe({ topic: 'a', qos: 1 })
  await client.drop()
  await broker.publish({ topic: 'a', qos: 1 })
  assert.deepEqual(ended, [])
  await clock.advance(10_100)
  assert.deepEqual(ended, [['client', 'expired']])
  const { client: back } = await resume('client', expiring(10))
  await broker.publish({ topic: 'a', qos: 1 })
  await back.expectNothing()
})

for (const [atConnect, atDisconnect, afterMs, present] of [
  [10, 100, 99_000, true],
  [10, 100, 101_000, false],
  [100, 10, 9_000, true],
  [100, 10, 11_000, false],
  [100, 0, 0, false],
  [100, undefined, 99_000, true],
  [10, NEVER, MONTH_MS, true],
  [NEVER, 10, 11_000, false],
  [0, 0, 0, false],
] as const) {
  spec(
    `expiry ${atConnect}, ${atDisconnect} in DISCONNECT: the session ${present ? 'exists' : 'is gone'} after ${afterMs} ms`,
    [5],
    async tools => {
      const client = await tools.connect('client', expiring(atConnect))
      const properties = atDisconnect === undefined ? {} : { sessionExpiryInterval: atDisconnect }
      await client.disconnect({ properties })
      assert.equal(await isPresent(tools, 'client', afterMs), present)
    },
  )
}

for (const atConnect of [0, undefined]) {
  spec(
    `[5.0 MQTT-4.13.1-1] an interval in DISCONNECT if CONNECT had ${atConnect ?? 'none'} is a protocol error, \
and the will is published`,
    [5],
    async ({ connect, resume }) => {
      const watcher = await connect('watcher')
      await watcher.subscribe({ topic: 'will', qos: 0 })
      const will = { topic: 'will', payload: Buffer.from('gone'), qos: 0 as const, retain: false }
      const client = await connect('client', { ...expiring(atConnect), will })
      client.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 100 } })
      await client.expectDisconnect(0x82)
      assert.equal((await watcher.expect('publish')).payload.toString(), 'gone')
      assert.equal((await resume('client', expiring(100))).connack.sessionPresent, false)
    },
  )
}

spec(
  'an interval above maxSessionExpiry is reduced, and CONNACK says so',
  [5],
  async tools => {
    const { connack, client } = await tools.resume('client', expiring(3600))
    assert.equal(connack.properties?.sessionExpiryInterval, 60)
    await client.drop()
    assert.equal(await isPresent(tools, 'client', 61_000), false)
    assert.equal((await tools.resume('other', expiring(60))).connack.properties?.sessionExpiryInterval, undefined)
    // nor can DISCONNECT raise it
    const raising = await tools.connect('raising', expiring(60))
    await raising.disconnect({ properties: { sessionExpiryInterval: NEVER } })
    assert.equal(await isPresent(tools, 'raising', 61_000), false)
  },
  { maxSessionExpiry: 60 },
)

spec(
  'where no session is kept, a client that asked for one may say so again in DISCONNECT: its will is deleted',
  [5],
  async ({ connect, resume }) => {
    const watcher = await connect('watcher')
    await watcher.subscribe({ topic: 'will', qos: 0 })
    const will = { topic: 'will', payload: Buffer.from('gone'), qos: 0 as const, retain: false }
    const { client, connack } = await resume('client', { ...expiring(3600), will })
    assert.equal(connack.properties?.sessionExpiryInterval, 0)
    await client.disconnect({ properties: { sessionExpiryInterval: 3600 } })
    await watcher.expectNothing()
    assert.equal((await resume('client', expiring(3600))).connack.sessionPresent, false)
  },
  { maxSessionExpiry: 0 },
)

spec('sessions of 3.1 and 3.1.1 that are not clean never expire by default', [3, 4], tools =>
  lasts(tools, MONTH_MS, true),
)

spec('sessions of 3.1 and 3.1.1 exist until defaultSessionExpiry', [3, 4], tools => lasts(tools, 59_000, true), {
  defaultSessionExpiry: 60,
})
spec('sessions of 3.1 and 3.1.1 expire after defaultSessionExpiry', [3, 4], tools => lasts(tools, 61_000, false), {
  defaultSessionExpiry: 60,
})

/** 3.1 has no Session Present flag; a queued message shows the same. */
async function lasts({ broker, clock, connect }: Spec, afterMs: number, present: boolean): Promise<void> {
  const client = await connect('client', { clean: false })
  await client.subscribe({ topic: 'a', qos: 1 })
  await client.drop()
  await broker.publish({ topic: 'a', qos: 1 })
  await clock.advance(afterMs)
  const back = await connect('client', { clean: false })
  const packets = await back.settle()
  assert.equal(packets.length === 1, present)
}

spec('hundreds of sessions expire at the same time, except those that were resumed', [5], async tools => {
  const { broker, clock, connect } = tools
  const count = byEffort({ fast: 250, normal: 1000, full: 1000 })
  let ended = 0
  broker.on('sessionEnded', () => ended++)
  for (let i = 0; i < count; i++) await (await connect(`client-${i}`, expiring(10))).drop()
  await clock.advance(9000)
  await connect('client-7', expiring(10))
  await clock.advance(2000)
  await clock.advance(1000)
  assert.equal(ended, count - 1)
})
