/**
 * Messages whose delivery takes several turns of the event loop: complete, and in the order of their publisher;
 * subscriptions that end meanwhile get nothing more.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LocalBus } from '../../lib/routing/bus/local-bus.js'
import { Router } from '../../lib/routing/router.js'
import { Fairness } from '../../lib/util/scheduling/fairness.js'
import { byEffort } from '../support/effort.js'
import { innerBus, message, NotingSession } from './support.js'

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

function scene(count: number) {
  const fairness = new Fairness({ turnUnits: 200, shareUnits: 100 })
  const bus = new LocalBus(innerBus(), carried => router.route(carried))
  const router: Router = new Router(bus, {
    fairness,
    sharedStrategy: 'round-robin',
    number: () => {},
    enqueue: () => assert.fail(),
    caughtUp: () => {},
    undeliverable: () => assert.fail(),
  })
  const sessions = Array.from({ length: count }, (_, i) => new NotingSession(`c${i}`))
  const subscriptions = sessions.map(session => session.subscribe('t', { qos: 1 }))
  for (const subscription of subscriptions) router.add(subscription)
  const reached = () => sessions.filter(({ got }) => got.length > 0).length
  return { fairness, bus, router, sessions, subscriptions, reached }
}

describe('a message to more sessions than are served in one turn of the event loop', () => {
  it('is delivered in several turns, and acknowledged when all receivers have it', async () => {
    const { bus, reached, fairness } = scene(1000)
    const done = bus.publish(message('t', 'x', 1, 'p'))
    assert(reached() <= 256, `${reached()}`)
    const from = fairness.turn
    await done
    assert.equal(reached(), 1000)
    assert(fairness.turn - from >= 4)
  })

  it('may be overtaken by messages of other publishers, not by those of its own', async () => {
    const { bus, sessions, router } = scene(1000)
    const first = bus.publish(message('t', '1', 1, 'p'))
    const second = bus.publish(message('t', '2', 0, 'p'))
    assert(router.isDelivering('p'))
    await turn()
    const other = bus.publish(message('t', 'other', 1, 'q'))
    await Promise.all([first, second, other])
    for (const { texts } of sessions) {
      assert.deepEqual(texts.toSorted(), ['1', '2', 'other'])
      assert.deepEqual(
        texts.filter(text => text !== 'other'),
        ['1', '2'],
      )
    }
    assert(!router.isDelivering('p'))
  })

  it('costs the same however many messages wait behind it', async () => {
    const { bus, sessions } = scene(1)
    const count = byEffort({ fast: 30_000, normal: 300_000, full: 300_000 })
    await Promise.all(Array.from({ length: count }, () => bus.publish(message('t', 'x', 0, 'p'))))
    assert.equal(sessions[0]!.got.length, count)
  })

  it('skips clients that unsubscribe meanwhile, and reaches those that subscribe to the filter again', async () => {
    const { bus, router, sessions, subscriptions } = scene(1000)
    const done = bus.publish(message('t', 'x', 1, 'p'))
    router.remove(subscriptions[998]!)
    router.add(sessions[999]!.subscribe('t', { qos: 0 }))
    await done
    assert.deepEqual([sessions[997]!.texts, sessions[998]!.texts, sessions[999]!.texts], [['x'], [], ['x']])
  })
})
