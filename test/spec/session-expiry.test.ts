/** Session Expiry Interval: none, some seconds, for ever; as asked, as limited, as changed in DISCONNECT; deadlines. */
import assert from 'node:assert/strict'
import type { BrokerOptions } from '../../types/options.js'
import { type Spec, spec } from '../support/spec.js'

const NEVER = 0xffffffff
const YEAR_MS = 366 * 24 * 3600_000

/** Whether the session of a client that went away `afterMs` ago is still there. */
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
  [NEVER - 1, YEAR_MS, true],
  [NEVER, 200 * YEAR_MS, true],
] as const) {
  const name = interval === NEVER ? '0xFFFFFFFF' : String(interval ?? 'not given')
  const tags = present ? '[5.0 MQTT-3.1.2-23] [5.0 MQTT-3.2.2-3]' : '[5.0 MQTT-4.1.0-2] [5.0 MQTT-3.2.2-3]'
  spec(`${tags} expiry ${name}: the session is ${present ? 'there' : 'gone'} after ${afterMs} ms`, [5], async tools => {
    await (await tools.connect('client', expiring(interval))).drop()
    assert.equal(await isPresent(tools, 'client', afterMs), present)
  })
}
