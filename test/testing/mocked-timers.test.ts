/** The test kit's clock together with the mocked timers of a test runner, which MQTT.js uses. */
import assert from 'node:assert/strict'
import { it, mock } from 'node:test'
import { MqttClient } from 'mqtt'
import { FakeClock, startTestBroker } from '../../lib/testing/index.js'

const timerVariant = {
  set: (callback: () => void, ms: number) => setInterval(callback, ms) as unknown as number,
  clear: (id: number) => clearInterval(id),
}

it('a fake clock and mocked timers move the broker and MQTT.js independently', async () => {
  const clock = new FakeClock()
  const t = await startTestBroker({ clock })
  const events: string[] = []
  t.broker.on('client', () => events.push('connected'))
  t.broker.on('ping', () => events.push('ping'))
  t.broker.on('keepaliveTimeout', () => events.push('silent'))
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] })
  try {
    await t.connect(MqttClient, { keepalive: 10, timerVariant })
    for (let i = 0; i < 3; i++) {
      mock.timers.tick(10_000)
      await t.settled()
      await clock.advance(10_000)
    }
    assert.deepEqual(events, ['connected', 'ping', 'ping', 'ping'])
    await clock.advance(15_100)
    assert.equal(events.at(-1), 'silent')
  } finally {
    mock.timers.reset()
    await t.close()
  }
})
