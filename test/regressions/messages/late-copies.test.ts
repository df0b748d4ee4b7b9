/**
 * A bus that acknowledges a message at once, and delivers a copy later: the broker recognizes its own message, and the
 * routing record still holds.
 */
import assert from 'node:assert/strict'
import type { Drop } from '../../../types/broker/events.js'
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { ConnectPacket } from '../../../types/message/packets.js'
import { type Carrying, HeldPace, Network } from '../../support/brokers/host-bus.js'
import { receiveTexts } from '../../support/clients/exchange.js'
import { nextMessage } from '../../support/clients/traffic.js'
import { keptSession, type Spec, spec } from '../../support/spec.js'

const CARRYING: readonly Carrying[] = ['the same object', 'a copy for each bus', 'a copy for each filter']

/** Declares a test for each kind of bus; the bus delivers nothing until the test allows it. */
function late(
  title: string,
  body: (scene: Spec, pace: HeldPace) => Promise<void>,
  options: () => BrokerOptions = () => ({}),
): void {
  for (const carrying of CARRYING) {
    const pace = new HeldPace()
    spec(`${title}, where the bus brings ${carrying}`, [5], scene => body(scene, pace), {
      mq: new Network(carrying, pace).join(),
      ...options(),
    })
  }
}

/** The CONNECT of a stored session that accepts a number of messages at once. */
function taking(receiveMaximum: number): Partial<ConnectPacket> {
  const kept = keptSession(5)
  return { ...kept, properties: { ...kept.properties, receiveMaximum } }
}

late('a message that a session got from its queue is not delivered again', async ({ broker, connect }, pace) => {
  const client = await connect('client', keptSession(5))
  await client.subscribe({ topic: 'a', qos: 1 })
  await broker.publish({ topic: 'a', qos: 1, payload: 'x' })
  // reads the queue, which has both
  await broker.clients.client!.publish({ topic: 'a', qos: 1, payload: 'y' })
  assert.deepEqual(await receiveTexts(client), ['x', 'y'])
  pace.letThrough()
  assert.deepEqual(await receiveTexts(client), [])
})

late('a message from the queue is not delivered again after another reconnect', async ({ broker, connect }, pace) => {
  const client = await connect('client', keptSession(5))
  await client.subscribe({ topic: 'a', qos: 2 })
  await client.disconnect()
  await broker.publish({ topic: 'a', qos: 2, payload: 'x' })
  const back = await connect('client', keptSession(5))
  assert.deepEqual(await receiveTexts(back), ['x'])
  await back.disconnect()
  const again = await connect('client', keptSession(5))
  pace.letThrough()
  assert.deepEqual(await receiveTexts(again), [])
})

late('a message that matches several filters is delivered once', async ({ broker, connect }, pace) => {
  const [clean, kept] = [await connect('clean'), await connect('kept', keptSession(5))]
  for (const client of [clean, kept]) {
    await client.subscribe({ topic: 'a/b', qos: 1 }, { topic: 'a/+', qos: 2 }, { topic: '#', qos: 0 })
  }
  for (const qos of [0, 1, 2] as const) await broker.publish({ topic: 'a/b', qos, payload: `${qos}` })
  pace.letThrough()
  for (const client of [clean, kept]) assert.deepEqual(await receiveTexts(client), ['0', '1', '2'])
})

late('a message for a shared subscription goes to the member that was chosen', async ({ broker, connect }, pace) => {
  const members = [await connect('one', keptSession(5)), await connect('two', keptSession(5))]
  for (const member of members) await member.subscribe({ topic: '$share/g/a', qos: 1 })
  for (const payload of ['1', '2', '3']) await broker.publish({ topic: 'a', qos: 1, payload })
  for (const id of ['one', 'two']) await broker.clients[id]!.publish({ topic: id, qos: 1, payload: id })
  const received = (await Promise.all(members.map(receiveTexts))).flat()
  pace.letThrough()
  received.push(...(await Promise.all(members.map(receiveTexts))).flat())
  assert.deepEqual(received.sort(), ['1', '2', '3', 'one', 'two'])
})

late('a group member that also gets the message for itself gets each copy once', async ({ broker, connect }, pace) => {
  for (const qos of [0, 1] as const) {
    const client = await connect(`client${qos}`, keptSession(5))
    const topic = `a/${qos}`
    await client.subscribe({ topic, qos }, { topic: `$share/g/${topic}`, qos: 1 })
    await broker.publish({ topic, qos: 1, payload: '1' })
    await broker.clients[`client${qos}`]!.publish({ topic, qos: 1, payload: 'mine' })
    const received = await receiveTexts(client)
    pace.letThrough()
    received.push(...(await receiveTexts(client)))
    assert.deepEqual(received.sort(), ['1', '1', 'mine'])
  }
})

late(
  'a message for which a full queue had no room is not delivered later',
  async ({ broker, connect }, pace) => {
    const drops: Drop[] = []
    broker.on('drop', drop => drops.push(drop))
    const client = await connect('client', taking(1))
    await client.subscribe({ topic: 'a', qos: 1 }, { topic: '$share/g/b', qos: 1 })
    await broker.publish({ topic: 'a', qos: 1, payload: '1' })
    for (const topic of ['a', 'b']) await broker.publish({ topic, qos: 1, payload: '2' })
    assert.equal(drops.length, 2)
    pace.letThrough()
    assert.deepEqual(await receiveTexts(client), ['1'])
  },
  () => ({ maxQueuedMessages: 1 }),
)

late(
  'a message without subscribers when it is published reaches one that subscribes before the bus delivers it',
  async ({ broker, connect }, pace) => {
    const client = await connect('client', keptSession(5))
    await client.subscribe({ topic: 'a', qos: 1 })
    await client.disconnect()
    await broker.publish({ topic: 'a', qos: 1, payload: 'x' })
    const back = await connect('client', taking(1))
    const first = await nextMessage(back, 1)
    await broker.publish({ topic: 'a', qos: 1, payload: 'y' })
    pace.letThrough()
    back.send({ cmd: 'puback', messageId: first.messageId })
    assert.deepEqual(await receiveTexts(back), ['y'])
  },
)
