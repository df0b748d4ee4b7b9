/** What hooks can add to a client and its messages: principal, silent refusals, discarded wills. */
import assert from 'node:assert/strict'
import type { Message } from '../../../types/message/message.js'
import { SpecClient } from '../../support/clients/spec-client.js'
import { spec } from '../../support/spec.js'

const payload = Buffer.from('x')
const will = { topic: 'will', payload, qos: 0 as const, retain: false }
const ALL = [3, 4, 5] as const

spec(
  'client.principal is the user name unless a hook sets another, and messages and wills have it',
  [4, 5],
  async context => {
    const { broker, connect } = context
    const seen: [string, string | undefined][] = []
    broker.authenticate = (client, username) => {
      assert.equal(client.principal, username)
      if (username === 'token') client.principal = 'alice'
      return true
    }
    broker.authorizePublish = (_client, packet) => {
      seen.push([packet.topic, packet.username])
      return true
    }
    const watcher = await connect('watcher')
    await watcher.subscribe({ topic: '#', qos: 0 })
    const retained: (string | undefined)[] = []
    broker.authorizeForward = (_client, message) => {
      retained.push(message.username)
      return message
    }
    const client = await connect('client', { username: 'token', will })
    await client.publish({ topic: 'a', qos: 1, retain: true, payload })
    await watcher.expect('publish')
    await client.drop()
    await watcher.expect('publish')
    const other = await connect('other', { username: 'bob' })
    await other.publish({ topic: 'b', qos: 1 })
    assert.deepEqual(seen, [
      ['a', 'alice'],
      ['will', 'alice'],
      ['b', 'bob'],
    ])
    await other.subscribe({ topic: 'a', qos: 0 })
    await other.expect('publish')
    assert.equal(retained.at(-1), 'alice')
  },
)

spec('a delayed will has the identifier and principal of its client', [5], async ({ broker, connect, clock }) => {
  const asked: (string | undefined)[] = []
  broker.authenticate = client => {
    client.principal = 'alice'
    return true
  }
  broker.authorizePublish = (client, packet) => {
    assert.equal(client.principal, 'alice')
    asked.push(packet.username)
    return true
  }
  const later = { ...will, properties: { willDelayInterval: 10 } }
  const client = await connect('client', { will: later, properties: { sessionExpiryInterval: 100 } })
  await client.drop()
  await clock.advance(20_000)
  assert.deepEqual(asked, ['alice'])
})

spec(
  'a refused PUBLISH closes the connection before 5.0, or is acknowledged if the hook says so',
  ALL,
  async context => {
    const { broker, connect, version } = context
    broker.authorizePublish = (_client, { topic }) =>
      topic === 'a' || { refuse: 0x97, olderClients: topic === 'kept' ? 'acknowledge' : 'disconnect' }
    const refused: number[] = []
    broker.on('publishRefused', error => refused.push(error.reasonCode))
    const client = await connect('client')
    await client.subscribe({ topic: '#', qos: 0 })
    const code = version === 5 ? 0x97 : 0
    assert.equal(await client.publish({ topic: 'kept', qos: 1 }), code)
    assert.equal(await client.publish({ topic: 'kept', qos: 2 }), code)
    await client.publish({ topic: 'kept' })
    await client.expectNothing()
    assert.deepEqual(refused, [0x97, 0x97, 0x97])
    if (version === 5) return
    client.send({ cmd: 'publish', topic: 'other', payload, qos: 1, messageId: 9, dup: false, retain: false })
    await client.expectDisconnect(0)
  },
)

spec('authorizeForward may return true to forward the message unchanged', ALL, async ({ broker, connect }) => {
  const client = await connect('client')
  await client.subscribe({ topic: 'a', qos: 1 })
  broker.authorizeForward = (_client, message: Message) => {
    message.payload = Buffer.from('changed in vain')
    return true
  }
  await broker.publish({ topic: 'a', qos: 1, payload: 'as it was' })
  const { payload: received, messageId } = await client.expect('publish')
  assert.equal(String(received), 'as it was')
  client.send({ cmd: 'puback', messageId: messageId! })
  await client.expectNothing()
})

spec('client.disconnect publishes or discards the will', ALL, async ({ broker, connect, version }) => {
  const watcher = await connect('watcher')
  await watcher.subscribe({ topic: 'will', qos: 0 })
  for (const [id, options] of [
    ['discarded', { reasonCode: 0x87, will: 'discard' }],
    ['published', { reasonCode: 0x87 }],
  ] as const) {
    const client = new SpecClient(broker, version)
    await client.connect({ clientId: id, will: { ...will, payload: Buffer.from(id) } })
    await broker.clients[id]!.disconnect(options)
    await client.closed()
  }
  assert.equal(String((await watcher.expect('publish')).payload), 'published')
  await watcher.expectNothing()
})
