/** The tests of the thermostat, with Vitest: npx vitest run */
import { FakeClock, startTestBroker } from 'anax/testing'
import { MqttClient } from 'mqtt'
import { expect, test } from 'vitest'
import { Thermostat, WILL } from '../thermostat.js'

const OPTIONS = { clientId: 'thermostat', protocolVersion: 5, will: WILL, reconnectPeriod: 1 }

test('turns the heating on where it is cold', async () => {
  const t = await startTestBroker()
  await new Thermostat(await t.connect(MqttClient, OPTIONS)).start()
  await t.broker.publish({ topic: 'home/kitchen/temperature', payload: '18.5' })
  await t.waitFor('home/kitchen/heating/set', ({ text }) => text === 'ON')
  await t.broker.publish({ topic: 'home/kitchen/temperature', payload: '21' })
  await t.waitFor('home/kitchen/heating/set', ({ text }) => text === 'OFF')
  await t.close()
})

test('comes back when the line breaks', async () => {
  const t = await startTestBroker()
  const client = await t.connect(MqttClient, OPTIONS)
  await new Thermostat(client).start()
  t.clear()
  t.link(client).cut()
  await t.waitFor('thermostat/status', ({ text }) => text === 'offline')
  await t.waitFor('thermostat/status', ({ text }) => text === 'online')
  await t.close()
})

test('sends its commands when a frozen broker wakes up', async () => {
  const t = await startTestBroker()
  const client = await t.connect(MqttClient, OPTIONS)
  await new Thermostat(client).start()
  t.link(client).freeze()
  await t.broker.publish({ topic: 'home/kitchen/temperature', payload: '18', qos: 1 })
  await t.settled()
  expect(t.messages.last('home/+/heating/set')).toBeUndefined()
  t.link(client).thaw()
  await t.waitFor('home/kitchen/heating/set')
  await t.close()
})

test('a heater that was away for too long gets no old command', async () => {
  const clock = new FakeClock()
  const t = await startTestBroker({ clock })
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
  expect([again.sessionPresent, again.buffered]).toEqual([true, 0])
  await t.close()
})

test('is told that its password is wrong', async () => {
  const t = await startTestBroker({ authenticate: (_client, _name, password) => String(password) === 'right' })
  const wrong = { ...OPTIONS, reconnectPeriod: 0, username: 'thermostat', password: 'wrong' }
  await expect(t.connect(MqttClient, wrong)).rejects.toMatchObject({ code: 0x87 })
  await t.close()
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
  expect(t.leaks()).toEqual([])
})
