/** From a message to the sessions that get it, compared with a model that checks every subscription. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ensureRecord, recordOf } from '../../lib/model/routing-record.js'
import type { SessionSubscription } from '../../lib/model/subscription.js'
import { HostListener } from '../../lib/routing/host-listener.js'
import type { BusListener } from '../../types/bus.js'
import type { QoS } from '../../types/message/packets.js'
import { runs } from '../support/effort.js'
import { filterArbitrary, referenceMatches, topicArbitrary } from '../topic/reference-matcher.js'
import { innerBus, message, NotingSession, routing } from './support.js'

const qos = fc.constantFrom<QoS>(0, 1, 2)
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('subscribe' as const),
      session: fc.nat(3),
      filter: filterArbitrary,
      qos,
      nl: fc.boolean(),
      rap: fc.boolean(),
      identifier: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), pick: fc.nat(100) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      topic: topicArbitrary,
      qos,
      retain: fc.boolean(),
      publisher: fc.nat(4),
    }),
  },
)

describe('the router', () => {
  it('gives each session one copy, with the highest QoS and all identifiers, and respects No Local', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const { router, bus } = routing()
        const sessions = [0, 1, 2, 3].map(id => new NotingSession(String(id)))
        const live = new Map<string, SessionSubscription>()
        for (const [i, action] of steps.entries()) {
          if (action.do === 'subscribe') {
            const { session, filter, identifier, ...options } = action
            const subscription = sessions[session]!.subscribe(filter, options, identifier)
            router.add(subscription)
            live.set(`${session} ${filter}`, subscription)
          } else if (action.do === 'unsubscribe') {
            const [key, subscription] = [...live][action.pick % Math.max(1, live.size)] ?? []
            if (key === undefined) continue
            router.remove(subscription!)
            live.delete(key)
          } else {
            const published = message(action.topic, String(i), action.qos, String(action.publisher))
            published.retain = action.retain
            for (const session of sessions) session.got.length = 0
            bus.publish(published)
            for (const session of sessions) {
              const own = [...live.values()].filter(each => each.session === session)
              assert.deepEqual(summary(session), expected(own, published))
            }
          }
        }
        assert.equal(router.size, live.size)
      }),
      { numRuns: runs(200) },
    )
  })

  it('reports messages without subscribers', () => {
    const { router, bus } = routing()
    const session = new NotingSession('one')
    const [nobody, two] = [message('nobody'), message('a')]
    router.add(session.subscribe('a'))
    router.add(session.subscribe('#'))
    router.remove(session.subscribe('#'))
    bus.publish(nobody)
    bus.publish(two)
    assert.deepEqual([recordOf(nobody)?.reachesNobody, recordOf(two)], [true, undefined])
  })

  it('shares one copy among receivers with the same options', () => {
    const { router, bus } = routing()
    const sessions = ['a', 'b', 'c', 'd'].map(id => new NotingSession(id))
    for (const [i, session] of sessions.entries()) router.add(session.subscribe('t', { qos: i < 2 ? 1 : 0 }))
    bus.publish(message('t', 'x', 2))
    const [a, b, c, d] = sessions.map(({ got }) => got[0])
    assert.equal(a, b)
    assert.equal(c, d)
    assert.deepEqual([a!.qos, c!.qos], [1, 0])
  })

  it('skips sessions whose queues had no room', () => {
    const { router, bus } = routing()
    const [one, two] = [new NotingSession('one'), new NotingSession('two')]
    const published = message('t')
    ensureRecord(published).withhold('one')
    router.add(one.subscribe('t'))
    bus.publish(published)
    assert.deepEqual(one.texts, [])
    router.add(two.subscribe('t'))
    const again = message('t')
    ensureRecord(again).withhold('one')
    bus.publish(again)
    assert.deepEqual([one.texts, two.texts], [[], ['']])
  })
})

describe('listeners of the application', () => {
  it('get each message once per filter, and errors of one do not affect others', () => {
    const { router, bus } = routing()
    const seen: string[] = []
    const errors: unknown[] = []
    const session = new NotingSession('one')
    const broken = new HostListener(
      () => {
        throw new Error('on purpose')
      },
      error => errors.push(error),
    )
    const good = new HostListener(
      ({ topic }) => seen.push(topic),
      () => assert.fail(),
    )
    router.listen('a', broken)
    router.listen('#', good)
    router.add(session.subscribe('a'))
    bus.publish(message('a', 'x'))
    assert.deepEqual([seen, session.texts, errors.length], [['a'], ['x'], 1])
    router.unlisten('a', broken)
    router.unlisten('a', broken)
    router.unlisten('#', good)
    bus.publish(message('a', 'y'))
    assert.deepEqual([seen.length, errors.length], [1, 1])
  })
})

describe('with a bus of the application', () => {
  it('the router registers only the filters of subscriptions on this broker', () => {
    const registered = new Set<string>()
    const mq = innerBus()
    const { on, removeListener } = mq
    mq.on = (topic: string, listener: BusListener) => {
      registered.add(topic)
      return on.call(mq, topic, listener)
    }
    mq.removeListener = (topic: string, listener: BusListener) => {
      registered.delete(topic)
      return removeListener.call(mq, topic, listener)
    }
    const { router } = routing('round-robin', mq)
    const [one, two] = [new NotingSession('one'), new NotingSession('two')]
    router.add(one.subscribe('a'))
    router.add(one.subscribe('a', { qos: 0 }))
    router.add(two.subscribe('a'))
    router.add(one.subscribe('$share/g/b/#'))
    assert.deepEqual([...registered], ['a', 'b/#'])
    router.remove(one.subscriptions.get('a')!)
    assert(registered.has('a'))
    router.remove(two.subscriptions.get('a')!)
    router.remove(one.subscriptions.get('$share/g/b/#')!)
    assert.deepEqual([...registered], [])
  })
})

function summary(session: NotingSession) {
  return session.got.map(({ qos, retain, subscriptionIdentifiers }) => ({
    qos,
    retain,
    identifiers: [...(subscriptionIdentifiers ?? [])].sort(),
  }))
}

function expected(subscriptions: SessionSubscription[], published: ReturnType<typeof message>) {
  const matching = subscriptions.filter(
    ({ topic, nl, session }) => referenceMatches(topic, published.topic) && !(nl && session.id === published.clientId),
  )
  if (matching.length === 0) return []
  const highest = Math.max(...matching.map(each => each.qos))
  return [
    {
      qos: Math.min(published.qos, highest),
      retain: published.retain && matching.some(({ rap }) => rap),
      identifiers: matching.flatMap(each => [...(each.subscriptionIdentifiers ?? [])]).sort(),
    },
  ]
}
