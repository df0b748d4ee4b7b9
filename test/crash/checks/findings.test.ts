/** The checks of the crash test find each kind of fault. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkMessages } from './findings.js'
import { PublisherState } from './publisher-state.js'
import { SubscriberState } from './subscriber-state.js'

const TOPIC = 'p/publisher/0'

describe('the findings', () => {
  function published(count: number): PublisherState {
    const publisher = new PublisherState()
    for (let number = 1; number <= count; number++) {
      const messageId = publisher.nextPacketId()
      publisher.apply({ event: 'publish', messageId, topic: TOPIC, number, qos: 2 })
    }
    return publisher
  }

  function acknowledged(count: number): PublisherState {
    const publisher = published(count)
    for (let messageId = 1; messageId <= count; messageId++) publisher.apply({ event: 'pubrec', messageId })
    return publisher
  }

  function arrived(...numbers: number[]): SubscriberState {
    const subscriber = new SubscriberState()
    for (const [index, number] of numbers.entries()) {
      subscriber.apply({ event: 'publish', topic: TOPIC, number, qos: 2, messageId: index + 1 })
    }
    return subscriber
  }

  it('are empty if everything arrived once and in order', () => {
    const { missing, doubled, misordered, unacknowledged } = checkMessages([acknowledged(3)], [arrived(1, 2, 3)])
    assert.deepEqual([missing, doubled, misordered, unacknowledged], [0, 0, 0, 0])
  })

  it('count what is missing for each subscriber, without unacknowledged messages', () => {
    const subscribers = [arrived(1, 3), arrived(1, 2, 3)]
    assert.equal(checkMessages([acknowledged(3)], subscribers).missing, 1)
    const { missing, unacknowledged } = checkMessages([published(3)], subscribers)
    assert.deepEqual([missing, unacknowledged], [0, 3])
  })

  it('count duplicates, and messages out of order', () => {
    const { doubled, misordered } = checkMessages([acknowledged(3)], [arrived(1, 3, 2, 3)])
    assert.deepEqual([doubled, misordered], [1, 1])
  })
})

describe('the memory of a subscriber', () => {
  it('has a packet id until it is released, or the session is lost', () => {
    const subscriber = arrivedWith(5)
    assert.equal(subscriber.isTaken(5), true)
    subscriber.apply({ event: 'pubrel', messageId: 5 })
    assert.equal(subscriber.isTaken(5), false)
    const other = arrivedWith(5)
    other.apply({ event: 'session' })
    assert.equal(other.isTaken(5), false)
  })

  function arrivedWith(messageId: number): SubscriberState {
    const subscriber = new SubscriberState()
    subscriber.apply({ event: 'publish', topic: TOPIC, number: 1, qos: 2, messageId })
    return subscriber
  }
})

describe('the memory of a publisher', () => {
  it('retransmits unacknowledged messages first, and then releases the others', () => {
    const publisher = new PublisherState()
    for (const messageId of [1, 2])
      publisher.apply({ event: 'publish', messageId, topic: TOPIC, number: messageId, qos: 2 })
    publisher.apply({ event: 'pubrec', messageId: 1 })
    assert.deepEqual([...publisher.inFlight.keys()], [2, 1])
    publisher.apply({ event: 'pubcomp', messageId: 1 })
    publisher.apply({ event: 'pubcomp', messageId: 2 })
    assert.deepEqual([publisher.inFlight.size, publisher.nextPacketId()], [0, 3])
  })
})
