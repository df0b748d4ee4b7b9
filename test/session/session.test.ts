/** A session's subscriptions, and the cost of looking them up. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SessionSubscription } from '../../lib/model/subscription.js'
import type { QoS } from '../../types/message/packets.js'
import { bareSession } from './support.js'

/** The number of subscriptions that were examined. */
let looks = 0

class WatchedSubscription extends SessionSubscription {
  override get qos(): QoS {
    looks++
    return super.qos
  }
}

describe('the subscription identifiers for QoS 0 subscriptions', () => {
  const session = bareSession('c', { stored: true })
  const subscribe = (topic: string, qos: QoS, identifier?: number) =>
    session.addSubscription(new WatchedSubscription(session, { topic, qos }, identifier))
  const identifiersOf = (topic: string) => [...session.identifiersOfQoS0(topic)].sort()

  it('are those of the matching subscriptions, even after changes', () => {
    subscribe('a/b', 0, 1)
    subscribe('a/+', 0, 2)
    subscribe('#', 0, 3)
    subscribe('a/b/c', 0, 4)
    subscribe('+/b', 0)
    subscribe('a/#', 1, 5)
    subscribe('$share/g/a/b', 0, 6)
    assert.deepEqual(identifiersOf('a/b'), [1, 2, 3])
    assert.deepEqual(identifiersOf('$SYS/a'), [])
    subscribe('a/b', 0, 7)
    subscribe('a/+', 1, 2)
    subscribe('a/#', 0, 5)
    assert.deepEqual(identifiersOf('a/b'), [3, 5, 7])
    subscribe('a/b', 0)
    session.removeSubscription('#')
    session.removeSubscription('$share/g/a/b')
    assert.deepEqual(identifiersOf('a/b'), [5])
  })

  it('are found without searching all subscriptions for each message', () => {
    for (let i = 0; i < 1000; i++) subscribe(`many/${i}`, i % 2 === 0 ? 0 : 1, i + 1)
    session.identifiersOfQoS0('x')
    looks = 0
    for (let i = 0; i < 1000; i += 2) assert.deepEqual(identifiersOf(`many/${i}`), [i + 1])
    assert.equal(looks, 0)
  })
})
