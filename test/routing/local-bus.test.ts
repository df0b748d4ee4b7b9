/** The bus within the process: a message is routed when `publish` returns, and a bus that fails says so. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LocalBus } from '../../lib/routing/local-bus.js'
import { createSingleListenerEmitter } from '../../lib/routing/local-emitter.js'
import type { BusMessage } from '../../types/bus.js'
import { innerBus, message } from './support.js'

describe('the bus within the process', () => {
  it('is listened to once, whatever is wanted, and nothing is waited for', () => {
    const mq = innerBus()
    const filters: string[] = []
    const on = mq.on.bind(mq)
    mq.on = (filter, ...rest) => {
      filters.push(filter)
      return on(filter, ...rest)
    }
    const bus = new LocalBus(mq, () => {})
    assert.equal(bus.want(), undefined)
    assert.equal(bus.registered(), undefined)
    bus.unwant()
    assert.deepEqual(filters, ['#'])
  })

  it('has brought a message when publish returns', () => {
    const received: BusMessage[] = []
    const bus = new LocalBus(innerBus(), carried => received.push(carried))
    const published = message('a/b')
    assert.equal(bus.publish(published), undefined)
    assert.deepEqual(received, [published])
  })

  it('that is closed is an error of the bus, thrown', async () => {
    const bus = new LocalBus(innerBus(), () => {})
    await bus.close()
    assert.throws(() => bus.publish(message('a')), { code: 'ANAX_ERR_BUS' })
  })

  it('that failed once works again', () => {
    const mq = innerBus()
    const emit = mq.emit.bind(mq)
    let fails = true
    mq.emit = (carried, done) => (fails ? done?.(new Error('once')) : emit(carried, done))
    const bus = new LocalBus(mq, () => {})
    assert.throws(() => bus.publish(message('a')), { code: 'ANAX_ERR_BUS' })
    fails = false
    assert.equal(bus.publish(message('a')), undefined)
  })
})

describe('the emitter for a single listener', () => {
  it('gives it every message, whatever the topic', () => {
    const received: string[] = []
    const bus = new LocalBus(createSingleListenerEmitter(0), ({ topic }) => received.push(topic))
    const topics = ['a', 'a/b', '/', '$SYS/x', '+', '#', ' ']
    for (const topic of topics) bus.publish(message(topic))
    assert.deepEqual(received, topics)
  })
})
