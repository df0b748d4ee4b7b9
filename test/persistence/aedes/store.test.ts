/**
 * Stores that have only the contract of `aedes-persistence`, in memory, on disk and in Redis, behind a broker:
 * sessions, queues, retained messages and wills, and which of them outlive the process.
 */
import assert from 'node:assert/strict'
import type { PublishPacket } from '../../../types/message/packets.js'
import { stored, texts } from '../../support/brokers/stored-scene.js'
import { textOf, textPacket } from '../../support/clients/exchange.js'
import { keptSession } from '../../support/spec.js'

stored('QoS 1 and 2 messages are queued for a session in order, once each', async scene => {
  const { connect, broker, version } = scene
  const away = await connect('away', keptSession(version))
  await away.subscribe({ topic: 'a/#', qos: 2 })
  await away.drop()
  await scene.settle()
  for (const [i, qos] of ([1, 2, 1, 2, 0] as const).entries()) {
    await broker.publish({ topic: `a/${i}`, payload: String(i), qos })
  }
  assert.deepEqual(await texts(await connect('away', keptSession(version)), scene), ['0', '1', '2', '3'])
  await broker.clients.away!.close()
  assert.deepEqual(await texts(await connect('away', keptSession(version)), scene), [])
})

stored('an unacknowledged message is sent again with DUP and its packet id', async scene => {
  const { connect, broker, version } = scene
  const client = await connect('client', keptSession(version))
  await client.subscribe({ topic: 'a', qos: 2 })
  await broker.publish({ topic: 'a', payload: 'one', qos: 1 })
  await broker.publish({ topic: 'a', payload: 'two', qos: 2 })
  const first = [await client.expect('publish'), await client.expect('publish')]
  await scene.settle()
  await client.drop()
  await scene.settle()
  const again = await connect('client', keptSession(version))
  for (const { messageId, payload } of first) {
    const packet = await again.expect('publish')
    assert.deepEqual([packet.messageId, packet.dup, packet.payload], [messageId, true, payload])
  }
})

stored('of a QoS 2 message that was received only PUBREL is sent after a reconnect', async scene => {
  const { connect, broker, version } = scene
  const client = await connect('client', keptSession(version))
  await client.subscribe({ topic: 'a', qos: 2 })
  await broker.publish({ topic: 'a', payload: 'x', qos: 2 })
  const { messageId } = await client.expect('publish')
  client.send({ cmd: 'pubrec', messageId: messageId! })
  await client.expect('pubrel')
  await client.drop()
  await scene.settle()
  const again = await connect('client', keptSession(version))
  assert.equal((await again.expect('pubrel')).messageId, messageId)
  again.send({ cmd: 'pubcomp', messageId: messageId! })
  await scene.settle()
  await again.drop()
  await scene.settle()
  assert.deepEqual(await texts(await connect('client', keptSession(version)), scene), [])
})

stored('a QoS 2 message that its publisher sends again is published once', async scene => {
  const { connect, version } = scene
  const subscriber = await connect('subscriber')
  await subscriber.subscribe({ topic: 'a', qos: 0 })
  const publisher = await connect('publisher', keptSession(version))
  publisher.send(textPacket('a', 'x', { qos: 2, messageId: 5 }))
  await publisher.expect('pubrec')
  await publisher.drop()
  await scene.settle()
  const again = await connect('publisher', keptSession(version))
  again.send(textPacket('a', 'x', { qos: 2, messageId: 5, dup: true }))
  await again.expect('pubrec')
  again.send({ cmd: 'pubrel', messageId: 5 })
  await again.expect('pubcomp')
  assert.deepEqual(await texts(subscriber, scene), ['x'])
})

stored('retained messages are kept, replaced and removed', async scene => {
  const { connect, broker } = scene
  for (const [topic, payload] of [
    ['a/1', 'old'],
    ['a/1', 'new'],
    ['a/2', 'gone'],
    ['$SYS/x', 'hidden'],
    ['a/2', ''],
  ]) {
    await broker.publish({ topic: topic!, payload: payload!, retain: true, qos: 1 })
  }
  const client = await connect('client')
  await client.subscribe({ topic: '#', qos: 1 })
  assert.deepEqual(await texts(client, scene), ['new'])
})

const PROPERTIES = { contentType: 'text/plain', correlationData: Buffer.from('c'), userProperties: { a: 'b' } }

/** The properties of a message, in a form that can be compared. */
function propertiesOf({ properties }: PublishPacket): unknown {
  return properties && { ...properties, userProperties: { ...properties.userProperties } }
}

stored(
  'a queued message keeps its properties if the store does',
  async scene => {
    const { connect, broker, clock, version, store } = scene
    const away = await connect('away', keptSession(version))
    await away.subscribe({ topic: 'a', qos: 1 })
    await away.drop()
    await scene.settle()
    await broker.publish({ topic: 'a', payload: 'x', qos: 1, properties: PROPERTIES })
    await broker.publish({ topic: 'a', payload: 'late', qos: 1, properties: { messageExpiryInterval: 5 } })
    await clock.advance(6000)
    const back = await connect('away', keptSession(version))
    const first = await back.expect('publish')
    assert.equal(textOf(first), 'x')
    assert.deepEqual(propertiesOf(first), store.keepsProperties ? PROPERTIES : undefined)
    back.send({ cmd: 'puback', messageId: first.messageId! })
    assert.deepEqual(await texts(back, scene), store.keepsProperties ? [] : ['late'])
  },
  { versions: [5] },
)

stored(
  'a message that was sent, a retained one and a will keep their properties',
  async scene => {
    const { connect, broker, version } = scene
    const client = await connect('client', keptSession(version))
    await client.subscribe({ topic: 'a', qos: 1 })
    await broker.publish({ topic: 'a', payload: 'x', qos: 1, properties: PROPERTIES })
    await client.expect('publish')
    await scene.settle()
    await client.drop()
    await scene.settle()
    const again = await connect('client', keptSession(version))
    const resent = await again.expect('publish')
    assert.deepEqual([resent.dup, propertiesOf(resent)], [true, PROPERTIES])
    await broker.publish({ topic: 'r', payload: 'x', retain: true, properties: PROPERTIES })
    const will = { topic: 'will', payload: Buffer.from('x'), qos: 0 as const, retain: false }
    const mortal = await connect('mortal', {
      ...keptSession(version),
      will: { ...will, properties: { ...PROPERTIES, willDelayInterval: 1 } },
    })
    await mortal.drop()
    await scene.settle()
    const watcher = await connect('watcher')
    await watcher.subscribe({ topic: 'r', qos: 0 }, { topic: 'will', qos: 0 })
    assert.deepEqual(propertiesOf(await watcher.expect('publish')), PROPERTIES)
    await scene.clock.advance(2000)
    assert.deepEqual(propertiesOf(await watcher.expect('publish')), PROPERTIES)
  },
  { versions: [5] },
)

stored('wills are published when a connection breaks, and not when it is ended', async scene => {
  const { connect } = scene
  const watcher = await connect('watcher')
  await watcher.subscribe({ topic: 'will', qos: 1 })
  const will = (text: string) => ({ topic: 'will', payload: Buffer.from(text), qos: 1 as const, retain: false })
  await (await connect('ended', { will: will('ended') })).disconnect()
  await (await connect('broken', { will: will('broken') })).drop()
  assert.deepEqual(await texts(watcher, scene), ['broken'])
})

stored('a clean start removes the previous session from the store', async scene => {
  const { connect, broker, version } = scene
  const away = await connect('away', keptSession(version))
  await away.subscribe({ topic: 'a', qos: 1 })
  await away.drop()
  await scene.settle()
  await broker.publish({ topic: 'a', payload: 'x', qos: 1 })
  await (await connect('away')).disconnect()
  await scene.settle()
  const again = await connect('away', keptSession(version))
  await broker.publish({ topic: 'a', payload: 'y', qos: 1 })
  assert.deepEqual(await texts(again, scene), [])
})

stored(
  'subscriptions, queues and retained messages survive a restart',
  async scene => {
    const { connect, version } = scene
    const away = await connect('away', keptSession(version))
    await away.subscribe({ topic: 'a', qos: 2 })
    await away.drop()
    await scene.settle()
    await scene.broker.publish({ topic: 'a', payload: 'before', qos: 1 })
    await scene.broker.publish({ topic: 'r', payload: 'retained', retain: true })
    await scene.restart()
    await scene.broker.publish({ topic: 'a', payload: 'after', qos: 2 })
    const again = await connect('away', keptSession(version))
    assert.deepEqual(await texts(again, scene), ['before', 'after'])
    await again.subscribe({ topic: 'r', qos: 1 })
    assert.deepEqual(await texts(again, scene), ['retained'])
  },
  { which: 'those that survive' },
)

stored(
  'a message that was sent before a restart is sent again once after it',
  async scene => {
    const { connect, version } = scene
    const client = await connect('client', keptSession(version))
    await client.subscribe({ topic: 'a', qos: 1 })
    await scene.broker.publish({ topic: 'a', payload: 'x', qos: 1 })
    const { messageId } = await client.expect('publish')
    await scene.settle()
    await scene.restart()
    const again = await connect('client', keptSession(version))
    const packet = await again.expect('publish')
    assert.deepEqual([packet.messageId, packet.dup, textOf(packet)], [messageId, true, 'x'])
    again.send({ cmd: 'puback', messageId: messageId! })
    await scene.settle()
    await again.drop()
    await scene.settle()
    assert.deepEqual(await texts(await connect('client', keptSession(version)), scene), [])
  },
  { which: 'those that survive' },
)
