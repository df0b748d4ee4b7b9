/** The broker's public methods: publish, subscribe, unsubscribe, clients, close, with promises and callbacks. */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { type AnaxError, Broker, createBroker } from '../../lib/index.js'
import { duplexPair } from '../../lib/testing/index.js'
import type { MessageListener } from '../../types/broker/broker.js'
import type { Message } from '../../types/message/message.js'
import { publishText, receiveAll, receiveTexts, textPacket } from '../support/clients/exchange.js'
import { keptSession, spec } from '../support/spec.js'

const ALL = [3, 4, 5] as const

/**
 * Calls a method with a callback.
 * @returns the arguments of the callback
 */
function called(run: (callback: (...args: unknown[]) => void) => void): Promise<unknown[]> {
  return new Promise(resolve => run((...args) => resolve(args)))
}

/** A listener that records messages. */
function listener(): { heard: string[]; listen: MessageListener } {
  const heard: string[] = []
  return { heard, listen: ({ topic, payload }: Message) => void heard.push(`${topic} ${payload}`) }
}

for (const qos of [0, 1, 2] as const) {
  spec(
    `broker.publish with QoS ${qos} reaches connected, stored and later subscribers`,
    ALL,
    async ({ version, broker, connect }) => {
      await (await connect('away', keptSession(version))).subscribe({ topic: 'a', qos: 2 })
      await (await connect('away', keptSession(version))).drop()
      const client = await connect('here')
      await client.subscribe({ topic: 'a', qos: 2 })
      await broker.publish({ topic: 'a', payload: 'promise', qos, retain: true })
      assert.deepEqual(
        await called(callback => broker.publish({ topic: 'a', payload: Buffer.from('callback'), qos }, callback)),
        [null],
      )
      const received = await receiveAll(client)
      assert.deepEqual(
        received.map(packet => [packet.payload.toString(), packet.qos, packet.retain, packet.dup]),
        [
          ['promise', qos, false, false],
          ['callback', qos, false, false],
        ],
      )
      const expected = qos === 0 ? [] : ['promise', 'callback']
      assert.deepEqual(await receiveTexts(await connect('away', keptSession(version))), expected)
      const late = await connect('late')
      await late.subscribe({ topic: 'a', qos: 0 })
      assert.deepEqual(await receiveTexts(late), ['promise'])
    },
  )
}

spec('broker.publish needs only a topic', ALL, async ({ broker, connect }) => {
  const client = await connect('client')
  await client.subscribe({ topic: '#', qos: 2 })
  await broker.publish({ topic: 'a' })
  const [message] = await receiveAll(client)
  assert.deepEqual([message?.topic, message?.payload.length, message?.qos, message?.retain], ['a', 0, 0, false])
})

for (const [what, input] of [
  ['nothing', undefined],
  ['null', null],
  ['a text', 'a'],
  ['no topic', { topic: undefined }],
  ['an empty topic', { topic: '' }],
  ['a wildcard', { topic: 'a/+' }],
  ['U+0000', { topic: 'a\0' }],
  ['a topic that is too long', { topic: 'x'.repeat(65_536) }],
  ['too many levels', { topic: '/'.repeat(100) }],
  ['QoS 3', { topic: 'a', qos: 3 }],
  ['a payload that is a number', { topic: 'a', payload: 5 }],
  ['a RETAIN that is not a boolean', { topic: 'a', retain: 'no' }],
  ['a property out of range', { topic: 'a', properties: { messageExpiryInterval: -1 } }],
] as const) {
  spec(`broker.publish with ${what} is refused`, [5], async ({ broker }) => {
    const wrong = { name: 'AnaxError', code: 'ANAX_ERR_ARGUMENT' }
    await assert.rejects(broker.publish(input as never), wrong)
    const [error] = await called(callback => broker.publish(input as never, callback))
    assert.equal((error as AnaxError).code, 'ANAX_ERR_ARGUMENT')
  })
}

spec('broker.publish with the arguments of an MQTT client (topic, payload) is rejected', [5], async ({ broker }) => {
  const publish = broker.publish as (...args: unknown[]) => Promise<void>
  await assert.rejects(publish.call(broker, 'topic', 'payload'), {
    code: 'ANAX_ERR_ARGUMENT',
    message: /a message is an object such as \{ topic, payload \}, got topic$/,
  })
  await assert.rejects(broker.publish({ topic: 'a', payload: { celsius: 21 } as never }), {
    code: 'ANAX_ERR_ARGUMENT',
    message: /payload has to be a string or a Buffer, got an object: use JSON\.stringify$/,
  })
})

spec(
  'broker.subscribe and broker.unsubscribe work with a promise and with a callback',
  ALL,
  async ({ broker, connect }) => {
    const one = listener()
    const two = listener()
    await broker.subscribe('a/+', one.listen)
    assert.equal((await called(callback => broker.subscribe('a/#', two.listen, callback))).length <= 1, true)
    const client = await connect('publisher')
    await publishText(client, 'a/b', 'x', { qos: 1 })
    await broker.publish({ topic: 'a', payload: 'y' })
    assert.deepEqual([one.heard.splice(0), two.heard.splice(0)], [['a/b x'], ['a/b x', 'a y']])
    await broker.unsubscribe('a/+', one.listen)
    await called(callback => broker.unsubscribe('a/#', two.listen, callback))
    await broker.publish({ topic: 'a/b', payload: 'z' })
    assert.deepEqual([one.heard, two.heard], [[], []])
  },
)

spec('a listener is called once per filter, even if it has subscribed more than once', [5], async ({ broker }) => {
  const { heard, listen } = listener()
  await broker.subscribe('a', listen)
  await broker.subscribe('a', listen)
  await broker.subscribe('#', listen)
  await broker.publish({ topic: 'a', payload: 'x' })
  assert.deepEqual(heard.splice(0), ['a x', 'a x'])
  await broker.unsubscribe('a', listen)
  await broker.unsubscribe('never', listen)
  await broker.publish({ topic: 'a', payload: 'x' })
  assert.deepEqual(heard, ['a x'])
})

spec('a listener that throws or never calls done delays nobody', [5], async ({ broker, connect }) => {
  const told = once(broker, 'hookError')
  await broker.subscribe('a', (_packet, _done) => {
    throw new Error('broken')
  })
  const { heard, listen } = listener()
  await broker.subscribe('a', listen)
  const client = await connect('publisher')
  for (const text of ['x', 'y']) await publishText(client, 'a', text, { qos: 1 })
  assert.deepEqual(heard, ['a x', 'a y'])
  const [error, hook] = await told
  assert.deepEqual([error.code, hook, error.cause.message], ['ANAX_ERR_LISTENER', 'subscribe', 'broken'])
})

spec('an async listener that rejects is reported like one that throws', [5], async ({ broker, connect }) => {
  const told = once(broker, 'hookError')
  await broker.subscribe('a', async () => {
    await null
    throw new Error('broken')
  })
  await publishText(await connect('publisher'), 'a', 'x', { qos: 1 })
  const [error, hook] = await told
  assert.deepEqual([error.code, hook, error.cause.message], ['ANAX_ERR_LISTENER', 'subscribe', 'broken'])
})

spec('broker.subscribe with a wrong filter or without a function is refused', [5], async ({ broker }) => {
  const wrong = { code: 'ANAX_ERR_ARGUMENT' }
  for (const filter of ['', 'a#', 'a/#/b', '$share/x'])
    await assert.rejects(
      broker.subscribe(filter, () => {}),
      wrong,
    )
  await assert.rejects(broker.subscribe('a', undefined as never), wrong)
  await assert.rejects(
    broker.subscribe(undefined as never, () => {}),
    wrong,
  )
})

spec(
  'broker.handle refuses an argument that is not a stream, and keeps no reference to it',
  [5],
  async ({ broker }) => {
    for (const stream of [undefined, null, {}, 'stream', new EventEmitter()]) {
      assert.throws(() => broker.handle(stream as never), { name: 'AnaxError', code: 'ANAX_ERR_ARGUMENT' })
    }
    assert.equal(broker.connectedClients, 0)
  },
)

spec(
  'broker.clients and broker.connectedClients show the connected clients',
  ALL,
  async ({ broker, connect, dial }) => {
    dial()
    const one = await connect('one')
    await connect('two')
    assert.deepEqual(Object.keys(broker.clients).toSorted(), ['one', 'two'])
    assert.equal(broker.connectedClients, 2)
    assert.equal(broker.clients.toString, undefined)
    const gone = once(broker, 'clientDisconnect')
    await one.disconnect()
    await gone
    assert.deepEqual(Object.keys(broker.clients), ['two'])
    assert.equal(broker.connectedClients, 1)
  },
)

for (const style of ['promise', 'callback'] as const) {
  spec(
    `broker.close with a ${style} sends DISCONNECT 0x8B, publishes wills, and leaves nothing open`,
    ALL,
    async ({ version, broker, clock, connect, dial }) => {
      const wills: string[] = []
      broker.on('publish', ({ topic }) => wills.push(topic))
      const will = { topic: 'w', payload: Buffer.alloc(1), qos: 0, retain: false } as const
      const client = await connect('client', { will })
      const silent = dial()
      const closing = style === 'promise' ? broker.close() : called(callback => broker.close(callback))
      assert.equal(broker.closed, true)
      await clock.advance(10_000)
      await closing
      await client.expectDisconnect(0x8b)
      assert.deepEqual(await silent.closed(), [])
      assert.deepEqual(wills, ['w'])
      assert.equal(broker.connectedClients, 0)
      assert.equal(clock.pendingTimers, 0)
      assert.equal(client.version, version)
    },
  )
}

spec(
  'broker.close finishes operations in progress: a message that was accepted is acknowledged',
  ALL,
  async ({ broker, clock, connect }) => {
    let publish = () => {}
    broker.authorizePublish = () => new Promise<boolean>(resolve => (publish = () => resolve(true)))
    const client = await connect('publisher')
    client.send(textPacket('a', 'x', { qos: 1, messageId: 9 }))
    await client.expectNothing()
    const closing = broker.close()
    await clock.advance(1000)
    assert.equal(client.isClosed, false)
    publish()
    await clock.advance(10_000)
    await closing
    const [puback] = await client.closed()
    assert.deepEqual([puback?.cmd, puback?.cmd === 'puback' && puback.messageId], ['puback', 9])
  },
)

spec(
  'broker.close does not wait forever for a hook',
  ALL,
  async ({ broker, clock, connect }) => {
    broker.authorizePublish = () => new Promise(() => {})
    const client = await connect('publisher')
    client.send(textPacket('a', 'x', { qos: 1, messageId: 9 }))
    await client.expectNothing()
    const closing = broker.close()
    await clock.advance(3000)
    await closing
    const packets = await client.closed()
    assert.equal(
      packets.some(({ cmd }) => cmd === 'puback'),
      false,
    )
  },
  { closeTimeoutMs: 1000, hookTimeoutMs: 0 },
)

spec('a closed broker refuses calls, and may be closed again', [5], async ({ broker, clock }) => {
  const closing = broker.close()
  await clock.advance(10_000)
  await closing
  await broker.close()
  await called(callback => broker.close(callback))
  assert.equal(broker.closed, true)
  const closed = { code: 'ANAX_ERR_CLOSED' }
  await assert.rejects(broker.publish({ topic: 'a' }), closed)
  await assert.rejects(
    broker.subscribe('a', () => {}),
    closed,
  )
  await broker.unsubscribe('a', () => {})
  await assert.rejects(broker.listen(), closed)
  const [near, far] = duplexPair()
  const ended = once(near.resume(), 'close')
  broker.handle(far)
  await ended
})

spec('calls of a broker that was not started fail with an error that says so', [5], async () => {
  const broker = new Broker()
  const early = { code: 'ANAX_ERR_NOT_LISTENING' }
  assert.equal(broker.closed, true)
  assert.throws(() => broker.handle(duplexPair()[0]), early)
  await assert.rejects(broker.publish({ topic: 'a' }), early)
  await broker.listen()
  assert.equal(broker.closed, false)
  await broker.publish({ topic: 'a' })
  await assert.rejects(broker.listen(), { code: 'ANAX_ERR_LISTEN', message: /Cannot listen: .*started already/ })
  await broker.publish({ topic: 'a' })
  await broker.close()
  await assert.rejects(broker.listen(), { code: 'ANAX_ERR_CLOSED', message: 'The broker is closed' })
  const never = new Broker()
  await never.close()
  assert.equal(never.closed, true)
})

spec('each broker has its own id', [5], async ({ broker }) => {
  const other = await createBroker()
  assert.notEqual(other.id, broker.id)
  await other.close()
})
