/** The events of a broker that closes; a broker that was never started emits none, and keeps no process alive. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import mqemitter from 'mqemitter'
import { Server } from '../../lib/aedes/index.js'
import { connected, create } from './support.js'

test('a broker that is closed before it has started emits no event, and handles none', async () => {
  const mq = mqemitter()
  const used: string[] = []
  const on = mq.on.bind(mq)
  mq.on = (topic, ...rest) => {
    used.push(topic)
    return on(topic, ...rest)
  }
  mq.on('#', ({ topic }, done) => {
    used.push(topic)
    done()
  })
  const broker = new Server({ mq: mq as never })
  await new Promise<void>(resolve => broker.close(resolve))
  await broker.listen()
  assert.deepEqual(
    used.filter(topic => topic.startsWith('$SYS/')),
    [],
  )
})

test("a broker that closes emits an event for each disconnected client, and then 'closed'", async () => {
  const broker = await create({ id: 'one' })
  const client = await connected(broker)
  await client.subscribe({ topic: 'a', qos: 0 })
  const told: string[] = []
  for (const event of ['unsubscribe', 'clientDisconnect', 'closed'] as const) broker.on(event, () => told.push(event))
  broker.subscribe('$SYS/#', ({ topic }) => told.push(topic))
  await new Promise<void>(resolve => broker.close(resolve))
  const said = ['unsubscribe', '$SYS/one/new/unsubscribes', 'clientDisconnect', '$SYS/one/disconnect/clients']
  assert.deepEqual(told, [...said, 'closed'])
})
