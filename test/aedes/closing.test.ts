/** A broker that is closed before it has started: nothing of it is left to keep the process alive. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import mqemitter from 'mqemitter'
import { Server } from '../../lib/aedes/index.js'

test('a broker that is closed before it has started neither says nor hears anything', async () => {
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
