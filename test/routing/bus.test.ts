/** The broker's end of the bus: what is registered there, who waits for whom, and what a bus that fails does. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MessageBus } from '../../lib/routing/bus.js'
import type { Bus, BusListener, BusMessage } from '../../types/bus.js'
import { innerBus, message } from './support.js'

/** A bus of the host that notes what is asked of it. */
class NotingBus implements Bus {
  readonly calls: string[] = []
  readonly listeners = new Map<string, Set<BusListener>>()
  readonly done: ((error?: Error | null) => void)[] = []
  broken: string | undefined

  on(topic: string, listener: BusListener): void {
    this.#note('on', topic)
    this.listeners.set(topic, (this.listeners.get(topic) ?? new Set()).add(listener))
  }

  removeListener(topic: string, listener: BusListener): void {
    this.#note('off', topic)
    this.listeners.get(topic)?.delete(listener)
  }

  emit(carried: BusMessage, done: (error?: Error | null) => void): void {
    this.#note('emit', carried.topic)
    this.done.push(done)
  }

  close(done: () => void): void {
    this.#note('close', '')
    done()
  }

  #note(call: string, topic: string): void {
    this.calls.push(`${call} ${topic}`.trim())
    if (call === this.broken) throw new Error('down')
  }
}

describe('the bus within the process', () => {
  it('is listened to once, whatever is wanted', () => {
    const mq = new NotingBus()
    const bus = new MessageBus(mq, 'broker', () => {})
    bus.want('a')
    bus.unwant('a')
    assert.deepEqual(mq.calls, ['on #'])
  })

  it('has brought a message when publish returns', () => {
    const received: BusMessage[] = []
    const bus = new MessageBus(innerBus(), 'broker', carried => received.push(carried))
    const published = message('a/b')
    assert.equal(bus.publish(published), undefined)
    assert.deepEqual(received, [published])
  })

  it('that is closed is an error of the bus, thrown', async () => {
    const bus = new MessageBus(innerBus(), 'broker', () => {})
    await bus.close()
    assert.throws(() => bus.publish(message('a')), { code: 'ANAX_ERR_BUS' })
  })

  it('that failed once works again', () => {
    const mq = innerBus()
    const emit = mq.emit.bind(mq)
    let fails = true
    mq.emit = (carried, done) => (fails ? done?.(new Error('once')) : emit(carried, done))
    const bus = new MessageBus(mq, 'broker', () => {})
    assert.throws(() => bus.publish(message('a')), { code: 'ANAX_ERR_BUS' })
    fails = false
    assert.equal(bus.publish(message('a')), undefined)
  })
})

describe('a bus of the host', () => {
  it('is told of each filter once, and again when the last who wanted it is gone', () => {
    const mq = new NotingBus()
    const bus = new MessageBus(mq, 'host', () => {})
    for (const filter of ['a/#', 'b', 'a/#']) bus.want(filter)
    assert.deepEqual(mq.calls, ['on a/#', 'on b'])
    bus.unwant('a/#')
    assert.equal(mq.calls.length, 2)
    bus.unwant('a/#')
    bus.unwant('a/#')
    bus.unwant('never')
    assert.deepEqual(mq.calls.slice(2), ['off a/#'])
    assert.equal(mq.listeners.get('a/#')?.size, 0)
    bus.want('a/#')
    assert.deepEqual(mq.calls.slice(3), ['on a/#'])
  })

  it('is done with a message before it is looked at', () => {
    const mq = new NotingBus()
    const order: string[] = []
    const bus = new MessageBus(mq, 'host', () => order.push('received'))
    bus.want('a')
    for (const listener of mq.listeners.get('a')!) listener(message('a'), () => order.push('done'))
    assert.deepEqual(order, ['done', 'received'])
  })

  it('is waited for, and its error is an error of the bus', async () => {
    const mq = new NotingBus()
    const bus = new MessageBus(mq, 'host', () => {})
    let done = false
    const published = Promise.resolve(bus.publish(message('a'))).then(() => {
      done = true
    })
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(done, false)
    mq.done[0]!()
    await published
    const refused = assert.rejects(async () => bus.publish(message('a')), { code: 'ANAX_ERR_BUS' })
    mq.done[1]!(new Error('no'))
    await refused
    mq.broken = 'emit'
    await assert.rejects(async () => bus.publish(message('a')), { code: 'ANAX_ERR_BUS' })
  })

  it('that does not take a filter, or does not give it up, says so and harms nobody', () => {
    const mq = new NotingBus()
    const errors: string[] = []
    const bus = new MessageBus(
      mq,
      'host',
      () => {},
      ({ code }) => errors.push(code),
    )
    mq.broken = 'on'
    bus.want('a')
    mq.broken = 'off'
    bus.unwant('a')
    assert.deepEqual(errors, ['ANAX_ERR_BUS', 'ANAX_ERR_BUS'])
    mq.broken = undefined
    bus.want('a')
    assert.equal(mq.listeners.get('a')?.size, 1)
  })
})
