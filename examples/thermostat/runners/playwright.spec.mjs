/**
 * The tests of the thermostat, with fixtures as Playwright has them: npx playwright test
 * Each test that asks for `t` gets a broker of its own, and a leak fails it.
 */
import { test as base, expect } from '@playwright/test'
import { FakeClock, startTestBroker } from 'anax/testing'
import { MqttClient } from 'mqtt'
import { Thermostat, WILL } from '../thermostat.js'

const OPTIONS = { clientId: 'thermostat', protocolVersion: 5, will: WILL, reconnectPeriod: 1 }

const test = base.extend({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the pattern
  clock: ({}, use) => use(new FakeClock()),
  t: async ({ clock }, use) => {
    const t = await startTestBroker({ clock })
    await use(t)
    await t.close()
    expect(t.leaks()).toEqual([])
  },
})

test('turns the heating on where it is cold', async ({ t }) => {
  await new Thermostat(await t.connect(MqttClient, OPTIONS)).start()
  await t.broker.publish({ topic: 'home/kitchen/temperature', payload: '18.5' })
  await t.waitFor('home/kitchen/heating/set', ({ text }) => text === 'ON')
  await t.broker.publish({ topic: 'home/kitchen/temperature', payload: '21' })
  await t.waitFor('home/kitchen/heating/set', ({ text }) => text === 'OFF')
})

test('comes back when the line breaks', async ({ t }) => {
  const client = await t.connect(MqttClient, OPTIONS)
  await new Thermostat(client).start()
  t.clear()
  t.link(client).cut()
  await t.waitFor('thermostat/status', ({ text }) => text === 'offline')
  await t.waitFor('thermostat/status', ({ text }) => text === 'online')
})

test('sends its commands when a frozen broker wakes up', async ({ t }) => {
  const client = await t.connect(MqttClient, OPTIONS)
  await new Thermostat(client).start()
  t.link(client).freeze()
  await t.broker.publish({ topic: 'home/kitchen/temperature', payload: '18', qos: 1 })
  await t.settled()
  expect(t.messages.last('home/+/heating/set')).toBeUndefined()
  t.link(client).thaw()
  await t.waitFor('home/kitchen/heating/set')
})

test('a heater that was away for too long gets no old command', async ({ t, clock }) => {
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
})

test('is told that its password is wrong', async ({ t }) => {
  t.broker.authenticate = (_client, _name, password) => String(password) === 'right'
  const wrong = { ...OPTIONS, reconnectPeriod: 0, username: 'thermostat', password: 'wrong' }
  await expect(t.connect(MqttClient, wrong)).rejects.toMatchObject({ code: 0x87 })
})

test('goes on with the target that was set before the broker started anew', async ({ t }) => {
  await t.broker.publish({ topic: 'thermostat/target', payload: '25', retain: true })
  await t.restart()
  await new Thermostat(await t.connect(MqttClient, OPTIONS)).start()
  await t.settled()
  await t.broker.publish({ topic: 'home/kitchen/temperature', payload: '24' })
  await t.waitFor('home/kitchen/heating/set', ({ text }) => text === 'ON')
})
