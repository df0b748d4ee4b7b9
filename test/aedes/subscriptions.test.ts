/** Effects of a subscription: errors of its hook, and retained messages, which are counted. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { connected, create } from './support.js'

describe('a broker', () => {
  for (const version of [4, 5] as const) {
    it(`ends a client of version ${version} with an error that authorizeSubscribe calls back, and reports it`, async () => {
      const broker = await create({
        authorizeSubscribe: (_client, { topic }, callback) => callback(new Error(`wrong topic: ${topic}`)),
      })
      const peer = await connected(broker, 'client', version)
      const failed = once(broker, 'clientError')
      const subscription = { topic: 'aaaa', qos: 0, nl: false, rap: false, rh: 0 } as const
      peer.send({ cmd: 'subscribe', messageId: 1, subscriptions: [subscription] })
      const [client, error] = await failed
      assert.deepEqual([client.id, error.message], ['client', 'wrong topic: aaaa'])
      await peer.closed()
    })
  }

  it('counts a retained message again for each subscriber', async () => {
    const broker = await create()
    const client = await connected(broker)
    await new Promise(resolve => broker.publish({ topic: 'a', payload: 'x', qos: 0, retain: true }, resolve))
    const before = broker.counter
    await client.subscribe({ topic: 'a', qos: 0 })
    await client.expect('publish')
    // the message, and the messages below $SYS/
    assert.equal(broker.counter - before, 2)
    await connected(broker, 'another')
    assert.equal(broker.counter - before, 3)
  })
})
