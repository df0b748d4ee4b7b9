/** An application that publishes faster than a client reads: it waits for the client only where it awaits `publish`. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Aedes } from '../../lib/aedes/index.js'
import { connected, create } from './support.js'

/** Together they exceed the queue limit of one client. */
const MESSAGES = 400
const MESSAGE = { topic: 'to/slow', payload: Buffer.alloc(8000), qos: 0 } as const

/** Turns of the event loop without a new message, after which no more is expected. */
const QUIET_TURNS = 20

/** Publishes in a loop that waits for each message. */
function publishAll(broker: Aedes) {
  const loop = { published: 0, done: Promise.resolve() }
  const run = async () => {
    while (loop.published < MESSAGES) {
      await new Promise<void>((resolve, reject) =>
        broker.publish(MESSAGE, error => (error ? reject(error) : resolve())),
      )
      loop.published++
    }
  }
  loop.done = run()
  return loop
}

/** Publishes until the loop ends. */
async function standstill(loop: { published: number }): Promise<void> {
  for (let quiet = 0, before = -1; quiet < QUIET_TURNS; quiet = loop.published === before ? quiet + 1 : 0) {
    before = loop.published
    await nextTurn()
  }
}

describe('a loop that waits for each message', () => {
  it('is as fast as a client reads and loses nothing, and other clients do not wait', async () => {
    const broker = await create()
    let dropped = 0
    broker.anax.on('drop', () => dropped++)
    const [slow, fast] = [await connected(broker, 'slow'), await connected(broker, 'fast')]
    await slow.subscribe({ topic: 'to/slow', qos: 0 })
    await fast.subscribe({ topic: 'to/fast', qos: 0 })
    slow.stream.pause()
    const loop = publishAll(broker)
    await standstill(loop)
    assert.ok(loop.published < MESSAGES / 2, `${loop.published}`)
    await new Promise<void>(resolve => broker.publish({ ...MESSAGE, topic: 'to/fast' }, () => resolve()))
    await fast.expect('publish')
    slow.stream.resume()
    await loop.done
    for (let i = 0; i < MESSAGES; i++) await slow.expect('publish')
    assert.equal(dropped, 0)
  })

  it('continues when the client has disconnected', async () => {
    const broker = await create()
    const slow = await connected(broker, 'slow')
    await slow.subscribe({ topic: 'to/#', qos: 0 })
    slow.stream.pause()
    const loop = publishAll(broker)
    await standstill(loop)
    assert.ok(loop.published < MESSAGES)
    slow.stream.destroy()
    await loop.done
  })
})

describe('the stream of a client', () => {
  it('wakes those who wait for it when the client disconnects', async () => {
    const broker = await create()
    await connected(broker)
    const client = broker.clients.client!
    const drained = once(client.conn, 'drain')
    const waiting = new Promise<Error | null>(resolve => client.waitForDrain(resolve))
    client.close()
    await drained
    assert.equal((await waiting)?.message, 'connection closed')
    assert.equal(client.connected, false)
  })

  it('may be waited for while its stream is full', async () => {
    const broker = await create()
    await connected(broker)
    const client = broker.clients.client!
    const waiting = new Promise(resolve => client.waitForDrain((...answer) => resolve(answer)))
    client.conn.emit('drain')
    assert.deepEqual(await waiting, [null, client])
  })
})
