/**
 * Messages of different runs of a broker with a fixed id are never mistaken for each other, whatever the clock says.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Broker, createBroker } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { STORES, whileTimePasses } from '../../support/brokers/stores.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { byEffort } from '../../support/effort.js'
import { keptSession } from '../../support/spec.js'

const COUNT = byEffort({ fast: 60, normal: 300, full: 300 })

for (const [name, make] of Object.entries(STORES)) {
  for (const [when, ms] of [
    ['at the time of the last one', 0],
    ['an hour before it', -3_600_000],
  ] as const) {
    test(`a broker that starts ${when} loses nothing (${name})`, async () => {
      const clock = new FakeClock()
      const began = clock.now()
      const persistence = make(clock)
      await whileTimePasses(clock, async () => {
        for (let run = 0; run < 3; run++) {
          clock.setWallTime(began + run * ms)
          const broker = await createBroker({ id: 'fixed', clock, persistence })
          const reader = new SpecClient(broker, 4)
          await reader.connect({ clientId: 'reader', ...keptSession(4) })
          if (run === 0) await reader.subscribe({ topic: 't', qos: 1 })
          await reader.disconnect()
          const writer = new SpecClient(broker, 4)
          await writer.connect({ clientId: 'writer' })
          for (let i = 0; i < COUNT / 3; i++) await writer.publish({ topic: 't', payload: `${run} ${i}`, qos: 1 })
          if (run === 2) await readAll(broker)
          await broker.close()
        }
      })
    })
  }
}

async function readAll(broker: Broker): Promise<void> {
  const reader = new SpecClient(broker, 4)
  await reader.connect({ clientId: 'reader', ...keptSession(4) })
  const texts: string[] = []
  while (texts.length < COUNT) {
    const { payload, messageId } = await reader.expect('publish')
    texts.push(String(payload))
    reader.send({ cmd: 'puback', messageId: messageId! })
  }
  assert.deepEqual(
    texts,
    [0, 1, 2].flatMap(run => Array.from({ length: COUNT / 3 }, (_, i) => `${run} ${i}`)),
  )
}
