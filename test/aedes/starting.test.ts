/** How a broker of `anax/aedes` starts: with `listen`, or with its first stream or message. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { Aedes } from '../../lib/aedes/index.js'
import { createMemoryPersistence } from '../../lib/index.js'
import { SpecClient } from '../support/clients/spec-client.js'
import { connected, open, said } from './support.js'

describe('a broker made with new', () => {
  it('takes streams before it has started', async () => {
    const broker = new Aedes()
    open.push(broker)
    const client = new SpecClient(broker as never, 4)
    client.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'c', clean: true, keepalive: 0 })
    await broker.listen()
    assert.equal((await client.expect('connack')).returnCode, 0)
  })

  it('starts with its first stream or message if nobody calls listen, and only once', async () => {
    const served = new Aedes()
    const publishing = new Aedes()
    open.push(served, publishing)
    const topics = await said(served)
    await connected(served)
    await new Promise<void>((resolve, reject) =>
      publishing.publish({ topic: 'a', payload: 'b' }, error => (error ? reject(error) : resolve())),
    )
    assert.deepEqual([served.closed, publishing.closed], [false, false])
    await served.listen()
    assert.equal(topics.filter(said => said.includes('/birth')).length, 1)
  })

  it('tells with an error event that a broker that started by itself could not open its store', async () => {
    const persistence = createMemoryPersistence()
    persistence.setup = async () => Promise.reject(new Error('no disk'))
    const broker = new Aedes({ persistence })
    const failed = once(broker, 'error')
    broker.publish({ topic: 'a', payload: 'b' })
    const [error] = (await failed) as [Error]
    assert.match(error.message, /no disk/)
  })
})
