/** What a host should know is told also to one that listens to no event: its mistakes, failures of its store, losses. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { BrokerEventSink } from '../../../lib/broker/hooks/events.js'
import { UnheardEvents } from '../../../lib/broker/hooks/unheard-events.js'
import { connect } from '../../../lib/client/index.js'
import { type Broker, createBroker, createMemoryPersistence } from '../../../lib/index.js'
import { duplexPair } from '../../../lib/testing/index.js'
import type { Logger } from '../../../types/logger.js'

/** A warning as Node.js emits it. */
type Warning = Error & { code?: string; detail?: string }

describe('an application that listens to no event gets a process warning', () => {
  const warnings: Warning[] = []
  const collect = (warning: Warning) => {
    if (warning.code === 'ANAX_WARN_UNHEARD') warnings.push(warning)
  }
  beforeEach(() => process.on('warning', collect))
  afterEach(() => {
    process.off('warning', collect)
    warnings.length = 0
  })

  const silent: Logger = { error() {}, warn() {}, info() {}, debug() {}, child: () => silent }

  /** Makes each kind of mistake twice. */
  async function makeMistakes(broker: Broker): Promise<void> {
    const fail = (what: string) => () => {
      throw new Error(`a mistake in ${what}`)
    }
    await broker.subscribe('a', fail('a listener'))
    await broker.subscribe('a', async () => {
      throw new Error('a mistake in another')
    })
    broker.authenticate = fail('a hook')
    broker.on('connectionError', fail('an event'))
    for (const _ of [1, 2]) {
      await broker.publish({ topic: 'a' })
      await assert.rejects(broker.client({ hooks: 'ask' }))
    }
    await broker.close()
    await new Promise(setImmediate)
  }

  it('once for each kind of mistake, with its place', async () => {
    await makeMistakes(await createBroker())
    const told = warnings.map(({ message, detail = '' }) => [message.split('; this is')[0], detail.split('\n')[0]])
    assert.deepEqual(told.sort(), [
      ['A hook threw or rejected: authenticate: a mistake in a hook', 'Error: a mistake in a hook'],
      ['A listener of a broker event threw: connectionError', 'Error: a mistake in an event'],
      ['A listener of a broker event threw: subscribe a', 'Error: a mistake in a listener'],
      ['A listener of a broker event threw: subscribe a', 'Error: a mistake in another'],
    ])
    assert.ok(warnings.every(({ detail }) => detail?.includes('unheard-events.test')))
  })

  it('not if it has a listener or a logger', async () => {
    const heard = await createBroker()
    const heardErrors: string[] = []
    heard.on('hookError', (_error, hook) => heardErrors.push(hook))
    await makeMistakes(heard)
    assert.equal(heardErrors.length, 8)
    await makeMistakes(await createBroker({ logger: silent }))
    assert.deepEqual(warnings, [])
  })

  /** The warnings so far, without how to see each. */
  async function told(): Promise<string[]> {
    await new Promise(setImmediate)
    return warnings.map(({ message }) => message.split('; this is')[0]!)
  }

  /** A client with a session that is disconnected, and gets QoS 1 messages of every topic later. */
  async function sleeping(broker: Broker, clientId: string): Promise<void> {
    const client = await broker.client({ clientId, clean: false, properties: { sessionExpiryInterval: 60 } })
    await client.subscribe('#', { qos: 1 })
    await client.disconnect()
  }

  it('at the first message that is lost because a queue is full', async () => {
    const broker = await createBroker({ maxQueuedMessages: 2 })
    await sleeping(broker, 'meter')
    for (const topic of ['a', 'b', 'c', 'd']) await broker.publish({ topic, qos: 1 })
    assert.deepEqual(await told(), ['a message to c was dropped for the client meter: queue-full'])
    assert.match(warnings[0]!.message, /listen to 'drop' of the broker/)
    assert.equal(broker.drops['queue-full'], 2)
    await broker.close()
  })

  it('not for intended losses, and not if it has a listener or a logger with a level', async () => {
    const broker = await createBroker({ authorizeForward: () => null })
    const client = await broker.client({ clientId: 'c', hooks: 'ask' })
    await client.subscribe('a')
    await broker.publish({ topic: 'a' })
    assert.equal(broker.drops['not-forwarded'], 1)
    await broker.close()
    const heard = await createBroker({ maxQueuedMessages: 1 })
    heard.on('drop', () => {})
    await sleeping(heard, 'meter')
    for (const topic of ['a', 'b']) await heard.publish({ topic, qos: 1 })
    assert.equal(heard.drops['queue-full'], 1)
    await heard.close()
    const logger: Logger = { ...silent, isLevelEnabled: level => level === 'error' }
    const logged = await createBroker({ maxQueuedMessages: 1, logger })
    await sleeping(logged, 'meter')
    for (const topic of ['a', 'b']) await logged.publish({ topic, qos: 1 })
    assert.equal(logged.drops['queue-full'], 1)
    assert.deepEqual(await told(), [])
    await logged.close()
  })

  it('if the store fails when clients publish or connect', async () => {
    const persistence = createMemoryPersistence()
    const broker = await createBroker({ persistence })
    await sleeping(broker, 'meter')
    const publisher = await broker.client()
    const fail = () => {
      throw new Error('the disk is full')
    }
    persistence.enqueue = fail
    for (const _ of [1, 2]) await assert.rejects(publisher.publish('a', 'x', { qos: 1 }))
    persistence.saveSession = fail
    await assert.rejects(sleeping(broker, 'other'))
    assert.deepEqual(await told(), [
      'The store failed: the disk is full',
      'The broker cannot open the session at the moment: the disk is full',
    ])
    assert.match(warnings[0]!.message, /'publishRefused'/)
    assert.match(warnings[1]!.message, /'connectionError'/)
    await broker.close()
  })

  it('if a limit of the whole broker is reached', async () => {
    const broker = await createBroker({ maxConnections: 1, maxRetainedMessages: 0 })
    const client = await broker.client()
    await assert.rejects(broker.client())
    await assert.rejects(client.publish('a', 'x', { qos: 1, retain: true }))
    const codes = (await told()).map(message => message.split(':')[0])
    assert.deepEqual(codes, ['The maximum number of clients is connected', 'A limit of the broker is reached'])
    await broker.close()
  })

  it('if the broker is overloaded', async () => {
    const sink = new BrokerEventSink(new EventEmitter(), { add() {} }, { add() {} }, new UnheardEvents())
    const overload = { cause: 'memory', eventLoopDelayMs: 0, memoryBytes: 1 } as const
    for (const _ of [1, 2]) sink.emit('overload', overload)
    sink.emit('overloadEnd', { ...overload, durationMs: 1 })
    assert.deepEqual(await told(), ['overloaded (memory): clients are refused, QoS 0 is dropped'])
  })

  for (const [aheadMs, difference] of [
    [86_000, '86000 ms ahead of'],
    [-6000, '6000 ms behind'],
  ] as const) {
    it(`if the clock of a node is ${difference} that of the cluster`, async () => {
      const sink = new BrokerEventSink(new EventEmitter(), { add() {} }, { add() {} }, new UnheardEvents())
      for (const _ of [1, 2]) sink.emit('clockWrong', aheadMs)
      const consequence = 'sessions, wills and messages end at wrong times'
      assert.deepEqual(await told(), [`the clock of this node is ${difference} that of the cluster: ${consequence}`])
    })
  }

  it('if a reader of messages is too slow and has not chosen what happens', async () => {
    const broker = await createBroker()
    const unread = broker.messages('#', { bound: 1 })
    const chosen = broker.messages('#', { bound: 1, overflow: 'drop-oldest' })
    await Promise.all([unread.ready, chosen.ready])
    for (const topic of ['a', 'b', 'c']) await broker.publish({ topic })
    assert.deepEqual(await told(), ['a reader of broker.messages() has 1 unread messages, and one to a was dropped'])
    assert.deepEqual([unread.dropped, chosen.dropped], [2, 2])
    await broker.close()
  })

  it('if a handler of a client in another process fails; within the process hookError reports it', async () => {
    const broker = await createBroker()
    const heard: unknown[] = []
    broker.on('hookError', (error, hook, client) => heard.push([hook, client?.id, error.message]))
    let calls = 0
    const handler = async () => {
      calls++
      throw new Error('the database is down')
    }
    const [near, far] = duplexPair()
    broker.handle(far)
    const within = await broker.client({ clientId: 'within' })
    const elsewhere = await connect(near, { clientId: 'elsewhere' })
    await within.subscribe('a', { qos: 1 }, handler)
    await elsewhere.subscribe('b', { qos: 1 }, handler)
    for (const topic of ['a', 'b', 'b']) await broker.publish({ topic, qos: 1 })
    while (calls < 3) await new Promise(setImmediate)
    assert.deepEqual(heard, [['subscribe', 'within', 'A listener of a broker event threw: subscribe a']])
    assert.deepEqual(await told(), [
      'a handler failed, so a message to b was refused, and does not come again: the database is down',
    ])
    await broker.close()
  })
})
