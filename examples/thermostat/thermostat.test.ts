/** The tests of the thermostat, with node:test; they need no broker elsewhere, no port, and no waiting. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock, startTestBroker } from 'anax/testing'
import { MqttClient } from 'mqtt'
import { Thermostat, WILL } from './thermostat.js'

const OPTIONS = { clientId: 'thermostat', protocolVersion: 5, will: WILL, reconnectPeriod: 1 } as const

test('turns the heating on where it is cold', async () => {
  await using t = await startTestBroker()
  await new Thermostat(await t.connect(MqttClient, OPTIONS)).start()
  await t.broker.publish({ topic: 'home/kitchen/temperature', payload: '18.5' })
  await t.waitFor('home/kitchen/heating/set', ({ text }) => text === 'ON')
  await t.broker.publish({ topic: 'home/kitchen/temperature', payload: '21' })
  await t.waitFor('home/kitchen/heating/set', ({ text }) => text === 'OFF')
})

test('comes back when the line breaks', async () => {
  await using t = await startTestBroker()
  const client = await t.connect(MqttClient, OPTIONS)
  await new Thermostat(client).start()
  t.clear()
  t.link(client).cut()
  await t.waitFor('thermostat/status', ({ text }) => text === 'offline')
  await t.waitFor('thermostat/status', ({ text }) => text === 'online')
})

test('sends its commands when a frozen broker wakes up', async () => {
  await using t = await startTestBroker()
  const client = await t.connect(MqttClient, OPTIONS)
  await new Thermostat(client).start()
  t.link(client).freeze()
  await t.broker.publish({ topic: 'home/kitchen/temperature', payload: '18', qos: 1 })
  await t.settled()
  assert.equal(t.messages.last('home/+/heating/set'), undefined)
  t.link(client).thaw()
  await t.waitFor('home/kitchen/heating/set')
})

test('a heater that was away for too long gets no old command', async () => {
  const clock = new FakeClock()
  await using t = await startTestBroker({ clock })
  await new Thermostat(await t.connect(MqttClient, OPTIONS)).start()
  const session = { clientId: 'heater', clean: false, properties: { sessionExpiryInterval: 3600 } }
  const heater = await t.client(session)
  await heater.subscribe('home/kitchen/heating/set', { qos: 1 })
  await heater.disconnect()
  await t.broker.publish({ topic: 'home/kitchen/temperature', payload: '18' })
  await t.waitFor('home/kitchen/heating/set')
  await clock.advance(61_000)
  const again = await t.client(session)
  await t.settled()
  assert.deepEqual([again.sessionPresent, again.buffered], [true, 0])
})

test('is told that its password is wrong', async () => {
  await using t = await startTestBroker({ authenticate: (_client, _name, password) => String(password) === 'right' })
  const wrong = { ...OPTIONS, reconnectPeriod: 0, username: 'thermostat', password: 'wrong' }
  await assert.rejects(t.connect(MqttClient, wrong), { code: 0x87 })
})

test('goes on with the target that was set before the broker started anew', async () => {
  const t = await startTestBroker()
  await t.broker.publish({ topic: 'thermostat/target', payload: '25', retain: true })
  await t.restart()
  await new Thermostat(await t.connect(MqttClient, OPTIONS)).start()
  await t.settled()
  await t.broker.publish({ topic: 'home/kitchen/temperature', payload: '24' })
  await t.waitFor('home/kitchen/heating/set', ({ text }) => text === 'ON')
  await t.close()
  assert.deepEqual(t.leaks(), [])
})
