/** Request and response between the host and clients, and within the host. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock, startTestBroker } from '../../../lib/testing/index.js'

describe('broker.request()', () => {
  it('resolves with the answer of a client', async () => {
    await using t = await startTestBroker()
    const lamp = await t.client()
    await lamp.subscribe('lamp/state', { qos: 1 }, ({ text, properties }) => {
      const { responseTopic, correlationData } = properties!
      return lamp.publish(responseTopic!, `${text}: on`, { qos: 1, properties: { correlationData: correlationData! } })
    })
    const answers = await Promise.all(['a', 'b'].map(text => t.broker.request('lamp/state', text)))
    assert.deepEqual(
      answers.map(({ payload }) => payload.toString()),
      ['a: on', 'b: on'],
    )
    const questions = t.messages.of('lamp/state')
    assert.equal(new Set(questions.map(({ properties }) => properties?.responseTopic)).size, 2)
  })

  for (const qos of [1, 2] as const) {
    it(`rejects with different errors without subscribers and without an answer, QoS ${qos}`, async () => {
      const clock = new FakeClock()
      await using t = await startTestBroker({ clock })
      await assert.rejects(t.broker.request('nobody', '', { qos }), { code: 'ANAX_ERR_NO_SUBSCRIBERS' })
      const silent = await t.client()
      await silent.subscribe('silent', { qos: 1 })
      const asked = assert.rejects(t.broker.request('silent', '', { qos, timeoutMs: 300 }), {
        code: 'ANAX_ERR_TIMEOUT',
        message: 'No answer came in time: silent, 300 ms',
      })
      await clock.advance(300)
      await asked
    })
  }

  it('refuses wrong options', async () => {
    await using t = await startTestBroker()
    for (const [options, detail] of [
      [{ timeoutMs: Infinity }, 'timeoutMs has to be a whole number from 1 to 2147483647, got Infinity'],
      [{ qos: 0 }, 'qos has to be 1 or 2, got 0'],
    ] as const) {
      await assert.rejects(t.broker.request('a', '', options as never), {
        code: 'ANAX_ERR_ARGUMENT',
        message: `Invalid argument: request: ${detail}`,
      })
    }
  })

  it('ends with the broker', async () => {
    const t = await startTestBroker()
    const silent = await t.client()
    await silent.subscribe('silent')
    const asked = assert.rejects(t.broker.request('silent'), { code: 'ANAX_ERR_CLOSED' })
    await t.settled()
    await t.close()
    await asked
    assert.deepEqual(t.leaks(), [])
  })
})

describe('broker.respond()', () => {
  it('answers clients and the application, until it is closed', async () => {
    await using t = await startTestBroker()
    const responder = await t.broker.respond('sum/+', async ({ topic, payload }) => {
      if (topic === 'sum/bytes') return Buffer.from([payload.length])
      const [a, b] = JSON.parse(payload.toString())
      return { payload: `${a + b}`, properties: { contentType: 'text/plain' } }
    })
    const answer = await t.broker.request('sum/numbers', '[1,2]')
    assert.deepEqual([answer.payload.toString(), answer.properties?.contentType], ['3', 'text/plain'])
    const client = await t.client()
    await client.subscribe('my/answers', { qos: 1 })
    const properties = { responseTopic: 'my/answers', correlationData: Buffer.from('x') }
    await client.publish('sum/bytes', 'four', { qos: 1, properties })
    const message = await client.next()
    assert.deepEqual([[...message.payload], message.properties?.correlationData?.toString()], [[4], 'x'])
    await client.publish('sum/numbers', '[1,2]', { qos: 1 })
    await responder.close()
    await assert.rejects(t.broker.request('sum/numbers', '[1,2]'), { code: 'ANAX_ERR_NO_SUBSCRIBERS' })
  })

  it('reports a handler that fails', async () => {
    await using t = await startTestBroker()
    const errors: unknown[] = []
    t.broker.on('hookError', ({ code, cause }) => errors.push([code, (cause as Error).message]))
    await t.broker.respond('fails', () => Promise.reject(new Error('no database')))
    await t.broker.publish({ topic: 'fails', payload: '' })
    await t.settled()
    assert.deepEqual(errors, [['ANAX_ERR_LISTENER', 'no database']])
  })
})
