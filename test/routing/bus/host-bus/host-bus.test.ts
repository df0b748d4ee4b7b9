/** A bus of the host: the registered filters, what waits for the bus, and a bus that fails. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock } from '../../../../lib/testing/fake-clock.js'
import { Timers } from '../../../../lib/util/scheduling/timers.js'
import type { Bus, BusListener, BusMessage } from '../../../../types/bus.js'
import { hostBus, message } from '../../support.js'

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

/** A bus of the host that records calls, and answers when it is told. */
class NotingBus implements Bus {
  readonly calls: string[] = []
  readonly listeners = new Map<string, Set<BusListener>>()
  readonly done: ((error?: Error | null) => void)[] = []
  broken: string | undefined
  /** Whether registrations are answered immediately; otherwise the test empties `registered`. */
  isFast = true
  readonly registered: (() => void)[] = []

  on(topic: string, listener: BusListener, done: () => void = () => {}): void {
    this.#note('on', topic)
    this.listeners.set(topic, (this.listeners.get(topic) ?? new Set()).add(listener))
    if (this.isFast) done()
    else this.registered.push(done)
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

/** A broker's side of a recording bus: the received messages, and the reported errors. */
function hosted() {
  const mq = new NotingBus()
  const clock = new FakeClock()
  const received: BusMessage[] = []
  const errors: string[] = []
  const bus = hostBus(mq, {
    timers: new Timers(clock),
    router: () => ({ wants: () => false, storedHere: () => [], route: carried => void received.push(carried) }),
    number: () => {},
    failed: ({ code }) => errors.push(code),
  })
  return { mq, clock, received, errors, bus }
}

describe('a bus of the application', () => {
  it('is subscribed once to each filter, and unsubscribed after the last subscription ends', () => {
    const { mq, bus } = hosted()
    for (const filter of ['a/#', 'b', 'a/#']) assert.equal(bus.want(filter), undefined)
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

  it('gets a separate listener for each filter, because some buses identify filters by their listener', () => {
    const { mq, bus } = hosted()
    for (const filter of ['a', 'b']) bus.want(filter)
    assert.equal(new Set([...mq.listeners.values()].flatMap(each => [...each])).size, 2)
  })

  it('gets its callback called before the message is handled', () => {
    const { mq, bus, received } = hosted()
    bus.want('a')
    let earlier = -1
    for (const listener of mq.listeners.get('a')!) {
      listener(message('a'), () => {
        earlier = received.length
      })
    }
    assert.deepEqual([earlier, received.length], [0, 1])
  })

  it('is awaited when a message is published, and its failure is reported as a bus error', async () => {
    const { mq, bus } = hosted()
    let done = false
    const published = Promise.resolve(bus.publish(message('a'))).then(() => {
      done = true
    })
    await turn()
    assert.equal(done, false)
    mq.done[0]!()
    await published
    const refused = assert.rejects(async () => bus.publish(message('a')), { code: 'ANAX_ERR_BUS' })
    mq.done[1]!(new Error('no'))
    await refused
    mq.broken = 'emit'
    await assert.rejects(async () => bus.publish(message('a')), { code: 'ANAX_ERR_BUS' })
  })

  it('is awaited by every subscriber of a filter that it is slow to subscribe to', async () => {
    const { mq, bus, errors } = hosted()
    mq.isFast = false
    const waiting = [bus.want('a'), bus.want('a'), bus.registered('a')]
    assert(waiting.every(each => each instanceof Promise))
    assert.deepEqual(mq.calls, ['on a'])
    mq.registered[0]!()
    await Promise.all(waiting)
    assert.equal(bus.want('a'), undefined)
    assert.deepEqual(errors, [])
  })

  it('that throws for a filter causes a bus error, and is called again for the next subscription', async () => {
    const { mq, bus, errors } = hosted()
    mq.broken = 'on'
    await assert.rejects(async () => bus.want('a'), { code: 'ANAX_ERR_BUS' })
    bus.unwant('a')
    assert.deepEqual([mq.calls, errors], [['on a'], ['ANAX_ERR_BUS']])
    mq.broken = undefined
    assert.equal(bus.want('a'), undefined)
    assert.equal(mq.listeners.get('a')?.size, 1)
  })

  it('that does not answer for a filter is unsubscribed from it, and called again for the next subscription', async () => {
    const { mq, bus, clock, errors } = hosted()
    mq.isFast = false
    const refused = assert.rejects(async () => bus.want('a'), { code: 'ANAX_ERR_BUS' })
    await clock.advance(11_000)
    await refused
    assert.deepEqual([mq.calls, errors], [['on a', 'off a'], ['ANAX_ERR_BUS']])
    mq.registered.shift()!()
    const again = bus.want('a')
    assert(again instanceof Promise, 'the late answer belongs to an earlier call')
    mq.registered.shift()!()
    await again
    for (let wanted = 0; wanted < 2; wanted++) bus.unwant('a')
    assert.deepEqual(mq.calls.slice(2), ['on a', 'off a'])
  })

  it('that does not answer causes no error if the filter is no longer wanted', async () => {
    const { mq, bus, clock, errors } = hosted()
    mq.isFast = false
    bus.want('a')
    bus.unwant('a')
    await clock.advance(11_000)
    assert.deepEqual([mq.calls, errors], [['on a', 'off a'], []])
  })

  it('that fails to unsubscribe causes an event, and nothing else', () => {
    const { mq, bus, errors } = hosted()
    bus.want('a')
    mq.broken = 'off'
    bus.unwant('a')
    assert.deepEqual(errors, ['ANAX_ERR_BUS'])
  })
})
