/** Keep alive: silence for one and a half times the agreed period ends the connection. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { spec } from '../support/spec.js'

spec(
  '[3.1.1 MQTT-3.1.2-24] [5.0 MQTT-3.1.2-22] a silent client is disconnected after 1.5 times the keep alive',
  [3, 4, 5],
  async ({ broker, clock, connect }) => {
    const client = await connect('silent', { keepalive: 10 })
    const timeout = once(broker, 'keepaliveTimeout')
    await clock.advance(14_900)
    assert.equal(client.isClosed, false)
    await clock.advance(200)
    await client.expectDisconnect(0x8d)
    assert.equal((await timeout)[0].id, 'silent')
  },
)

spec(
  '[3.1.1 MQTT-3.12.4-1] [5.0 MQTT-3.12.4-1] PINGREQ is answered and counts as a sign of life',
  [3, 4, 5],
  async ({ clock, connect }) => {
    const client = await connect('pinging', { keepalive: 10 })
    for (let i = 0; i < 5; i++) {
      await clock.advance(10_000)
      await client.expectNothing()
    }
    assert.equal(client.isClosed, false)
  },
)
