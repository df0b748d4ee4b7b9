/** `broker.messages()`: iterates live messages, optionally after the retained ones, with a limit of unread messages. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createBroker, createMemoryPersistence, type Message, topic } from '../../../lib/index.js'
import { startTestBroker } from '../../../lib/testing/index.js'

const texts = (messages: Iterable<Message>) => [...messages].map(({ payload }) => payload.toString())

describe('broker.messages()', () => {
  it('yields messages that clients and the application publish from now on, until the loop ends', async () => {
    await using t = await startTestBroker()
    const client = await t.client()
    const stream = t.broker.messages(topic('a/:x'))
    await stream.ready
    await client.publish('a/1', 'one', { qos: 2 })
    await t.broker.publish({ topic: 'a/2', payload: 'two', qos: 1 })
    await t.broker.publish({ topic: 'b', payload: 'not this' })
    const read: Message[] = []
    for await (const message of stream) {
      read.push(message)
      if (read.length === 2) break
    }
    assert.deepEqual(texts(read), ['one', 'two'])
    await t.broker.publish({ topic: 'a/3', payload: 'later' })
    assert.equal(stream.waiting, 0)
    assert.deepEqual(await stream.next(), { done: true, value: undefined })
  })

  it('yields messages with at most the requested QoS', async () => {
    await using t = await startTestBroker()
    await using stream = t.broker.messages('a', { qos: 0 })
    await stream.ready
    await t.broker.publish({ topic: 'a', qos: 2 })
    assert.equal((await stream.next()).value?.qos, 0)
    assert.equal(t.messages[0]?.qos, 2)
  })

  it('starts with the retained messages, and never yields an older one after a newer one', async () => {
    await using t = await startTestBroker()
    for (const name of ['a/1', 'a/2']) await t.broker.publish({ topic: name, payload: 'old', retain: true })
    const stream = t.broker.messages('a/+', { retained: true })
    await stream.ready
    const first = await stream.next()
    // this one is live, and also what is read as the retained one
    await t.broker.publish({ topic: 'a/2', payload: 'live', retain: true })
    await t.broker.publish({ topic: 'a/1', payload: 'new', retain: true })
    const rest = [await stream.next(), await stream.next()].map(({ value }) => value!)
    const seen = [first.value!, ...rest].map(({ topic, payload }) => `${topic} ${payload}`)
    assert.deepEqual(seen.slice(0, 1), ['a/1 old'])
    assert.equal(seen.at(-1), 'a/1 new')
    assert.ok(!seen.includes('a/2 live') || seen.indexOf('a/2 live') >= seen.indexOf('a/2 old'))
    await stream.return()
  })

  for (const [overflow, expected] of [
    ['drop-oldest', ['2', '3']],
    ['drop-newest', ['1', '2']],
  ] as const) {
    it(`has a limit: ${overflow}`, async () => {
      const broker = await createBroker()
      const stream = broker.messages('a', { bound: 2, overflow })
      await stream.ready
      for (const payload of ['1', '2', '3']) await broker.publish({ topic: 'a', payload })
      assert.deepEqual([stream.dropped, stream.waiting], [1, 2])
      await broker.close()
      const read: Message[] = []
      for await (const message of stream) read.push(message)
      assert.deepEqual(texts(read), expected)
    })
  }

  it('fails if its limit is exceeded and the option says so', async () => {
    const broker = await createBroker()
    const stream = broker.messages('a', { bound: 1, overflow: 'fail' })
    await stream.ready
    for (const payload of ['1', '2']) await broker.publish({ topic: 'a', payload })
    assert.equal((await stream.next()).value?.payload.toString(), '1')
    await assert.rejects(stream.next(), { code: 'ANAX_ERR_QUOTA' })
    // nothing of it is left
    assert.equal(await broker.request('a').catch(({ code }) => code), 'ANAX_ERR_NO_SUBSCRIBERS')
    await broker.close()
  })

  it('ends with the broker, also between two retained messages, and ends the read of the store', async () => {
    const store = createMemoryPersistence()
    const read: string[] = []
    const { retained } = store
    store.retained = function* (filters) {
      try {
        for (const message of retained.call(store, filters)) {
          read.push(message.topic)
          yield message
        }
      } finally {
        read.push('end')
      }
    }
    for (const how of ['broker.close()', 'return()'] as const) {
      read.length = 0
      const broker = await createBroker({ persistence: store })
      for (const name of ['a/1', 'a/2']) await broker.publish({ topic: name, payload: name, retain: true })
      const stream = broker.messages('a/+', { retained: true })
      assert.equal((await stream.next()).value?.topic, 'a/1')
      if (how === 'return()') await stream.return()
      else await broker.close()
      assert.deepEqual(await stream.next(), { done: true, value: undefined }, how)
      assert.deepEqual(read, ['a/1', 'end'], how)
      await broker.close()
    }
  })

  for (const when of ['at once', 'later'] as const) {
    it(`reports a store that cannot be read (${when}), and is over then`, async () => {
      const store = createMemoryPersistence()
      const failing = () => {
        throw new Error('unreadable')
      }
      store.retained = when === 'at once' ? failing : () => ({ [Symbol.iterator]: () => ({ next: failing }) })
      const broker = await createBroker({ persistence: store })
      const stream = broker.messages('a', { retained: true })
      await assert.rejects(stream.next(), { code: 'ANAX_ERR_STORE', message: /unreadable/ })
      await broker.publish({ topic: 'a', payload: 'x' })
      assert.deepEqual(await stream.next(), { done: true, value: undefined })
      assert.equal(await broker.request('a').catch(({ code }) => code), 'ANAX_ERR_NO_SUBSCRIBERS')
      await broker.close()
    })
  }

  it('refuses wrong options', async () => {
    await using t = await startTestBroker()
    for (const [options, detail] of [
      [{ bound: 0 }, 'messages: bound has to be a whole number from 1, or Infinity, got 0'],
      [{ qos: 3 }, 'messages: qos has to be 0 or 1 or 2, got 3'],
      [{ overflow: 'oldest' }, `messages: overflow has to be "drop-oldest" or "drop-newest" or "fail", got 'oldest'`],
      [{ retain: true }, "there is no option 'messages: retain' (did you mean 'retained'?)"],
    ] as const) {
      assert.throws(() => t.broker.messages('a', options as never), {
        code: 'ANAX_ERR_ARGUMENT',
        message: `Invalid argument: ${detail}`,
      })
    }
  })

  it('reports a filter that cannot be subscribed, once', async () => {
    const broker = await createBroker()
    const stream = broker.messages('a/#/b')
    await assert.rejects(stream.ready, { code: 'ANAX_ERR_ARGUMENT' })
    await assert.rejects(stream.next(), { code: 'ANAX_ERR_ARGUMENT' })
    assert.equal((await stream.next()).done, true)
    await broker.close()
  })
})

describe('broker.retained()', () => {
  it('reads the retained messages of a filter', async () => {
    await using t = await startTestBroker()
    for (const name of ['a/1', 'a/2', 'b']) await t.broker.publish({ topic: name, payload: name, retain: true })
    const read: Message[] = []
    for await (const message of t.broker.retained('a/#')) read.push(message)
    assert.deepEqual(texts(read).sort(), ['a/1', 'a/2'])
    await assert.rejects(t.broker.retained('a/#/b').next(), { code: 'ANAX_ERR_ARGUMENT' })
  })
})

describe('a broker', () => {
  it('closes at the end of its scope', async () => {
    let broker: Awaited<ReturnType<typeof createBroker>>
    {
      await using scoped = await createBroker()
      broker = scoped
    }
    assert.equal(broker.closed, true)
  })
})
