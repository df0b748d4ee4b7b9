/** The bus within the process: a message is routed when `publish` returns, and a bus that fails says so. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LocalBus } from '../../../lib/routing/bus/local-bus.js'
import { LocalEmitter } from '../../../lib/routing/bus/local-emitter.js'
import type { BusListener, BusMessage } from '../../../types/bus.js'
import { innerBus, message } from '../support.js'

describe('the bus within the process', () => {
  it('has one listener for all filters, and subscribes immediately', () => {
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

  it('has delivered a message when publish returns', () => {
    const received: BusMessage[] = []
    const bus = new LocalBus(innerBus(), carried => void received.push(carried))
    const published = message('a/b')
    assert.equal(bus.publish(published), undefined)
    assert.deepEqual(received, [published])
  })

  it('throws a bus error after it is closed', async () => {
    const bus = new LocalBus(innerBus(), () => {})
    await bus.close()
    assert.throws(() => bus.publish(message('a')), { code: 'ANAX_ERR_BUS' })
  })

  it('works again after a failure', () => {
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

const TOPICS = ['a', 'a/b', '/', '$SYS/x', '+', '#', ' ']

describe('the emitter of the bus within the process', () => {
  for (const concurrency of [0, 1]) {
    it(`passes every message to its only listener, whatever the topic, with concurrency ${concurrency}`, () => {
      const received: string[] = []
      const bus = new LocalBus(new LocalEmitter(concurrency), ({ topic }) => void received.push(topic))
      for (const topic of TOPICS) bus.publish(message(topic))
      assert.deepEqual(received, TOPICS)
    })
  }

  it('calls back when the listener is done, not before', () => {
    const mq = new LocalEmitter(0)
    const steps: string[] = []
    let finish = () => {}
    mq.on('#', (_message, done) => {
      steps.push('received')
      finish = done
    })
    mq.emit(message('a'), () => steps.push('done'))
    assert.deepEqual(steps, ['received'])
    finish()
    assert.deepEqual(steps, ['received', 'done'])
    mq.emit(message('a'))
    finish()
  })

  it('behaves like any mqemitter with several listeners, and with none', async () => {
    const mq = new LocalEmitter(0)
    const received: string[] = []
    const listen =
      (name: string): BusListener =>
      ({ topic }, done) => {
        received.push(`${name} ${topic}`)
        done()
      }
    const everything = listen('#')
    mq.on('#', everything)
    mq.on('a/+', listen('a/+'))
    for (const topic of ['b', 'a/b']) mq.emit(message(topic))
    assert.deepEqual(received.sort(), ['# a/b', '# b', 'a/+ a/b'])
    await new Promise<void>(resolve => mq.removeListener('#', everything, resolve))
    received.length = 0
    for (const topic of ['b', 'a/b']) mq.emit(message(topic))
    assert.deepEqual(received, ['a/+ a/b'])
  })
})
