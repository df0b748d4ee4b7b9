/** `broker.messages()`: iterates live messages, optionally after the retained ones, with a limit of unread messages. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createBroker, type Message, topic } from '../../../lib/index.js'
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
    await broker.close()
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
