/** The system clock is set: deadlines of the process do not move, and stored ones follow the new time. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { Timer, Timers } from '../../../lib/util/scheduling/timers.js'
import { keptSession, spec } from '../../support/spec.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const YEAR = 365 * DAY

const JUMPS = { '100 s': 100_000, 'an hour': HOUR, '60 days': 60 * DAY, '30 years': 30 * YEAR }

for (const [name, ms] of Object.entries(JUMPS)) {
  for (const [direction, jump] of [
    ['forward', ms],
    ['back', -ms],
  ] as const) {
    spec(
      `setting the clock ${direction} by ${name} disconnects nobody, and keep alive still works`,
      [5],
      async scene => {
        const { broker, clock, connect, dial } = scene
        const client = await connect('client', { keepalive: 60 })
        const stranger = dial()
        clock.setWallTime(clock.now() + jump)
        await clock.advance(29_000)
        assert.equal(client.isClosed, false)
        assert.equal(stranger.isClosed, false)
        client.send({ cmd: 'pingreq' })
        await client.expect('pingresp')
        await clock.advance(2000)
        assert.equal(stranger.isClosed, true, 'connectTimeout holds')
        const timeout = once(broker, 'keepaliveTimeout')
        await clock.advance(89_000)
        await timeout
        assert.equal(client.isClosed, true)
      },
    )
  }
}

for (const jump of [YEAR, -YEAR]) {
  spec('setting the clock does not change the uptime of the broker', [5], async ({ broker, clock }) => {
    const { startedAt, uptimeMs } = broker.stats()
    clock.setWallTime(clock.now() + jump)
    await clock.advance(7000)
    assert.equal(broker.stats().uptimeMs, uptimeMs + 7000)
    assert.equal(broker.stats().startedAt, startedAt)
  })
}

spec(
  'setting the clock forward ends a session and publishes a will that are then due within a minute',
  [5],
  async scene => {
    const { broker, clock, connect, resume } = scene
    const seen: string[] = []
    await broker.subscribe('will', () => seen.push('will'))
    const away = await connect('away', {
      ...keptSession(5, 2 * 3600),
      will: { topic: 'will', payload: Buffer.alloc(0), qos: 0, retain: false, properties: { willDelayInterval: 3600 } },
    })
    await away.drop()
    await clock.advance(10)
    clock.setWallTime(clock.now() + 3 * HOUR)
    await clock.advance(61_000)
    assert.deepEqual(seen, ['will'])
    const { connack } = await resume('away', keptSession(5))
    assert.equal(connack.sessionPresent, false)
  },
)

spec('setting the clock back delays the expiry of a session until its time comes again', [5], async scene => {
  const { clock, connect, resume } = scene
  await (await connect('away', keptSession(5, 3600))).disconnect()
  await (await connect('other', keptSession(5, 3600))).disconnect()
  await clock.advance(10)
  clock.setWallTime(clock.now() - 2 * HOUR)
  await clock.advance(2 * HOUR)
  const { client, connack } = await resume('away', keptSession(5, 3600))
  assert.equal(connack.sessionPresent, true)
  await client.disconnect()
  await clock.advance(2 * HOUR)
  assert.equal((await resume('other', keptSession(5))).connack.sessionPresent, false)
})

test('a deadline longer than the maximum of a Node.js timer is reached without a busy loop', async () => {
  const delays: number[] = []
  const clock = new FakeClock()
  const timers = new Timers({
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    setTimeout(callback, delayMs) {
      delays.push(delayMs)
      return clock.setTimeout(callback, delayMs)
    },
    clearTimeout: timer => clock.clearTimeout(timer),
  })
  let fired = 0
  timers.schedule(new Timer(() => fired++), 60 * DAY)
  await clock.advance(60 * DAY - 1000)
  assert.equal(fired, 0)
  await clock.advance(2000)
  assert.equal(fired, 1)
  assert.ok(Math.max(...delays) < 2 ** 31, `${delays}`)
  assert.ok(delays.length <= 4, `${delays.length} timers were set`)
})
