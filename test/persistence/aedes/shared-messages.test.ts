/**
 * Sessions that have the same messages in stores with only the contract of `aedes-persistence`: each has its own packet
 * ids, nothing is lost or duplicated whatever is restarted, and nothing is left.
 */
import assert from 'node:assert/strict'
import type { PublishPacket, QoS } from '../../../types/message/packets.js'
import { LONG_QUEUE, type Scene, stored, texts } from '../../support/brokers/stored-scene.js'
import { acknowledge, textOf, textPacket, unsubscribe } from '../../support/clients/exchange.js'
import type { SpecClient } from '../../support/clients/spec-client.js'
import { keptSession } from '../../support/spec.js'

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => String(from + index))

/** Sessions that subscribe to the same messages, each with its own QoS. */
const SUBSCRIBERS: Record<string, QoS> = { one: 1, two: 2, three: 1, 'four/4:ü': 2 }

async function subscribeAll({ connect, version }: Scene): Promise<SpecClient[]> {
  const clients: SpecClient[] = []
  for (const [clientId, qos] of Object.entries(SUBSCRIBERS)) {
    const client = await connect(clientId, keptSession(version))
    await client.subscribe({ topic: 'a/+', qos })
    clients.push(client)
  }
  return clients
}

async function leave(clients: SpecClient[], { settle }: Scene): Promise<void> {
  for (const client of clients) await client.drop()
  await settle()
}

function publishAll({ broker }: Scene, payloads: string[]): Promise<unknown> {
  return Promise.all(
    payloads.map((payload, i) => broker.publish({ topic: `a/${i % 3}`, payload, qos: (1 + (i % 2)) as QoS })),
  )
}

/** All packets that arrive, without answering them. */
async function unanswered(client: SpecClient, { settle }: Scene): Promise<PublishPacket[]> {
  const received: PublishPacket[] = []
  for (let quiet = 0; quiet < 2; quiet++) {
    await settle()
    const packets = (await client.settle()).filter(({ cmd }) => cmd === 'publish') as PublishPacket[]
    if (packets.length > 0) quiet = -1
    received.push(...packets)
  }
  return received
}

stored('a message queued for several sessions reaches each of them, in order and without DUP', async scene => {
  await leave(await subscribeAll(scene), scene)
  await publishAll(scene, numbers(0, 50))
  for (const clientId of Object.keys(SUBSCRIBERS)) {
    const client = await scene.connect(clientId, keptSession(scene.version))
    const packets = await unanswered(client, scene)
    assert.deepEqual(packets.map(textOf), numbers(0, 50), clientId)
    assert.deepEqual(
      packets.filter(({ dup }) => dup),
      [],
    )
    for (const packet of packets) acknowledge(client, packet)
    assert.deepEqual(await texts(client, scene), [])
  }
})

stored('each session has its own packet ids for messages that were sent to all of them', async scene => {
  const { connect, settle, version } = scene
  const clients = await subscribeAll(scene)
  await publishAll(scene, numbers(0, 20))
  const sent: PublishPacket[][] = []
  for (const [index, client] of clients.entries()) {
    const packets = await unanswered(client, scene)
    // each acknowledges different ones, so that the packet ids differ from now on
    for (const packet of packets.splice(index * 2, 3 + index)) acknowledge(client, packet)
    sent.push(packets)
  }
  await settle()
  await publishAll(scene, numbers(20, 30))
  for (const [index, client] of clients.entries()) sent[index]!.push(...(await unanswered(client, scene)))
  await leave(clients, scene)
  for (const [index, clientId] of Object.keys(SUBSCRIBERS).entries()) {
    const again = await connect(clientId, keptSession(version))
    const packets = await unanswered(again, scene)
    const view = ({ messageId, payload }: PublishPacket) => `${messageId} ${payload}`
    assert.deepEqual(packets.map(view).sort(), sent[index]!.map(view).sort(), clientId)
    assert.ok(packets.every(({ dup }) => dup))
    for (const packet of packets) acknowledge(again, packet)
    assert.deepEqual(await texts(again, scene), [])
  }
})

stored('many messages reach a slow session and a disconnected one', async scene => {
  const { connect, broker, version } = scene
  const [slow, ...others] = await subscribeAll(scene)
  await leave(others, scene)
  const expected = numbers(0, 300)
  const publishing = publishAll(scene, expected)
  const seen = await texts(slow!, scene)
  await publishing
  seen.push(...(await texts(slow!, scene)))
  assert.deepEqual(seen, expected)
  for (const clientId of Object.keys(SUBSCRIBERS).slice(1)) {
    assert.deepEqual(await texts(await connect(clientId, keptSession(version)), scene), expected, clientId)
  }
  for (const clientId of Object.keys(SUBSCRIBERS)) await broker.clients[clientId]?.close()
  for (const clientId of Object.keys(SUBSCRIBERS)) {
    assert.deepEqual(await texts(await connect(clientId, keptSession(version)), scene), [], clientId)
  }
})

stored(
  'messages sent before a restart of the broker can be acknowledged after it',
  async scene => {
    const { connect, version } = scene
    const clients = await subscribeAll(scene)
    await publishAll(scene, numbers(0, 10))
    for (const client of clients) {
      for (const packet of (await unanswered(client, scene)).filter(({ qos }) => qos === 2)) acknowledge(client, packet)
      await client.settle()
    }
    await leave(clients, scene)
    await scene.restart()
    await publishAll(scene, numbers(10, 20))
    for (const clientId of Object.keys(SUBSCRIBERS)) {
      const client = await connect(clientId, keptSession(version))
      const received = await texts(client, scene)
      const expected = numbers(0, 20).filter(i => SUBSCRIBERS[clientId] === 1 || Number(i) >= 10 || Number(i) % 2 === 0)
      assert.deepEqual(received, expected, clientId)
      await client.drop()
      await scene.settle()
    }
    await scene.restart()
    for (const clientId of Object.keys(SUBSCRIBERS)) {
      assert.deepEqual(await texts(await connect(clientId, keptSession(version)), scene), [], clientId)
    }
  },
  { which: 'those that survive' },
)

stored('a queue that is longer than what the store shows at a time is delivered completely', async scene => {
  await leave(await subscribeAll(scene), scene)
  const expected = numbers(0, LONG_QUEUE * 3 + LONG_QUEUE / 2)
  await publishAll(scene, expected)
  const eager = await scene.connect('one', keptSession(scene.version))
  assert.deepEqual(await texts(eager, scene), expected)
  const lazy = await scene.connect('two', keptSession(scene.version))
  const received: string[] = []
  for (let packets = await unanswered(lazy, scene); packets.length > 0; packets = await unanswered(lazy, scene)) {
    received.push(...packets.map(textOf))
    for (const packet of packets) {
      acknowledge(lazy, packet)
      if (packet.qos === 2) lazy.send({ cmd: 'pubcomp', messageId: packet.messageId! })
    }
  }
  assert.deepEqual(received, expected)
})

for (const shown of [1, 10]) {
  stored(
    `a session that is connected gets all of its queue from a store that shows few messages at a time (${shown})`,
    async scene => {
      const { connect, broker, settle, version } = scene
      const subscriber = await connect('client', keptSession(version))
      await subscriber.subscribe({ topic: 'a/+', qos: 2 })
      await leave([subscriber], scene)
      const expected = numbers(0, 35)
      await publishAll(scene, expected)
      const client = await connect('client', keptSession(version))
      assert.deepEqual(await texts(client, scene), expected)
      // what arrives while it is connected, more than it answers at first
      await publishAll(scene, numbers(35, 60))
      const unansweredYet = await unanswered(client, scene)
      for (const packet of unansweredYet) acknowledge(client, packet)
      const live = [...unansweredYet.map(textOf), ...(await texts(client, scene))]
      assert.deepEqual(live, numbers(35, 60))
      await settle()
      await broker.publish({ topic: 'a/b', payload: 'last', qos: 1 })
      assert.deepEqual(await texts(client, scene), ['last'])
    },
    { which: 'servers', shown },
  )
}

stored('a client that subscribes while messages are published leaves nothing behind', async scene => {
  const { connect, broker, version } = scene
  const client = await connect('late', keptSession(version))
  const publishing = numbers(0, 100).map(payload => broker.publish({ topic: 'a', payload, qos: 1 }))
  await client.subscribe({ topic: 'a', qos: 1 })
  await Promise.all(publishing)
  await broker.publish({ topic: 'a', payload: 'last', qos: 1 })
  assert.equal((await texts(client, scene)).at(-1), 'last')
})

stored('a session without subscriptions still exists, and gets messages in flight', async scene => {
  const { connect, broker, version } = scene
  const client = await connect('client', keptSession(version))
  await client.subscribe({ topic: 'a', qos: 1 })
  await broker.publish({ topic: 'a', payload: 'x', qos: 1 })
  const { messageId } = await client.expect('publish')
  await unsubscribe(client, 'a')
  await scene.settle()
  await client.drop()
  await scene.settle()
  if (scene.store.survives) await scene.restart()
  const again = await connect('client', keptSession(version))
  const [packet, ...others] = await unanswered(again, scene)
  assert.deepEqual([packet?.messageId, packet?.dup, others], [messageId, true, []])
  acknowledge(again, packet!)
})

stored(
  'a removed will is not published at the next start, nor at the one after',
  async scene => {
    const { connect, broker, version, restart } = scene
    const will = { topic: 'will', payload: Buffer.from('x'), qos: 1 as const, retain: false }
    const watcher = await connect('watcher', keptSession(version))
    await watcher.subscribe({ topic: 'will', qos: 1 })
    await (await connect('gone', { will })).disconnect()
    await connect('broken', { will })
    await broker.clients.broken!.close()
    await scene.settle()
    assert.deepEqual(await texts(watcher, scene), ['x'])
    await watcher.drop()
    await restart()
    await restart()
    assert.deepEqual(await texts(await connect('watcher', keptSession(version)), scene), [])
  },
  { which: 'those that survive' },
)

stored(
  'a restart of the database server loses nothing, and clients stay connected',
  async scene => {
    const { connect, restartServer, version } = scene
    const clients = await subscribeAll(scene)
    await publishAll(scene, numbers(0, 10))
    const [one] = clients
    const sent = await unanswered(one!, scene)
    await restartServer()
    for (const packet of sent) acknowledge(one!, packet)
    await publishAll(scene, numbers(10, 20))
    assert.deepEqual(await texts(one!, scene), numbers(10, 20))
    await leave(clients, scene)
    await restartServer()
    for (const [clientId, qos] of Object.entries(SUBSCRIBERS)) {
      const client = await connect(clientId, keptSession(version))
      const received = await texts(client, scene)
      assert.deepEqual(received, clientId === 'one' ? [] : numbers(0, 20), `${clientId} ${qos}`)
    }
  },
  { which: 'servers' },
)

stored('a QoS 2 message of a publisher that ends its session leaves nothing behind', async scene => {
  const { connect, settle, version } = scene
  const publisher = await connect('publisher', keptSession(version))
  for (const messageId of [5, 6]) publisher.send(textPacket('a', 'x', { qos: 2, messageId }))
  for (const _ of [5, 6]) await publisher.expect('pubrec')
  await publisher.drop()
  await settle()
})

for (const restarts of ['no', 'one'] as const) {
  stored(`a session with overlapping filters gets the messages of each (${restarts} restart)`, async scene => {
    const { connect, settle, version, store, restart } = scene
    const subscriber = await connect('client', keptSession(version))
    await subscriber.subscribe({ topic: 'a/#', qos: 1 }, { topic: 'a/b', qos: 1 })
    if (restarts === 'one' && store.survives) await restart()
    const client = await connect('client', keptSession(version))
    await client.subscribe({ topic: 'a/b', qos: 2 })
    await client.subscribe({ topic: 'a/b/c', qos: 2 }, { topic: 'a/d', qos: 1 })
    await unsubscribe(client, 'a/b/c')
    await client.subscribe({ topic: 'a/d', qos: 0 })
    await client.drop()
    await settle()
    for (const topic of ['a/b', 'a/c', 'a/b/c', 'a/d', 'b']) {
      await scene.broker.publish({ topic, payload: topic, qos: 2 })
    }
    assert.deepEqual(await texts(await connect('client', keptSession(version)), scene), ['a/b', 'a/c', 'a/b/c', 'a/d'])
  })
}
