/** The judge of the crash test sees what is wrong. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Inbox } from './inbox.js'
import { Outbox } from './outbox.js'
import { judgeMessages } from './verdict.js'

const TOPIC = 'p/publisher/0'

describe('the verdict', () => {
  function published(count: number): Outbox {
    const outbox = new Outbox()
    for (let number = 1; number <= count; number++) {
      const messageId = outbox.nextPacketId()
      outbox.apply({ event: 'publish', messageId, topic: TOPIC, number, qos: 2 })
    }
    return outbox
  }

  function acknowledged(count: number): Outbox {
    const outbox = published(count)
    for (let messageId = 1; messageId <= count; messageId++) outbox.apply({ event: 'pubrec', messageId })
    return outbox
  }

  function arrived(...numbers: number[]): Inbox {
    const inbox = new Inbox()
    for (const [index, number] of numbers.entries()) {
      inbox.apply({ event: 'publish', topic: TOPIC, number, qos: 2, messageId: index + 1 })
    }
    return inbox
  }

  it('is clean where everything came once and in order', () => {
    const { missing, doubled, misordered, unacknowledged } = judgeMessages([acknowledged(3)], [arrived(1, 2, 3)])
    assert.deepEqual([missing, doubled, misordered, unacknowledged], [0, 0, 0, 0])
  })

  it('counts what is missing for each subscriber, but for what nobody promised', () => {
    const inboxes = [arrived(1, 3), arrived(1, 2, 3)]
    assert.equal(judgeMessages([acknowledged(3)], inboxes).missing, 1)
    const { missing, unacknowledged } = judgeMessages([published(3)], inboxes)
    assert.deepEqual([missing, unacknowledged], [0, 3])
  })

  it('counts what came twice, and what came late', () => {
    const { doubled, misordered } = judgeMessages([acknowledged(3)], [arrived(1, 3, 2, 3)])
    assert.deepEqual([doubled, misordered], [1, 1])
  })
})

describe('the memory of a subscriber', () => {
  it('knows a packet id until it is released, or the session is gone', () => {
    const inbox = arrivedWith(5)
    assert.equal(inbox.isTaken(5), true)
    inbox.apply({ event: 'pubrel', messageId: 5 })
    assert.equal(inbox.isTaken(5), false)
    const other = arrivedWith(5)
    other.apply({ event: 'session' })
    assert.equal(other.isTaken(5), false)
  })

  function arrivedWith(messageId: number): Inbox {
    const inbox = new Inbox()
    inbox.apply({ event: 'publish', topic: TOPIC, number: 1, qos: 2, messageId })
    return inbox
  }
})

describe('the memory of a publisher', () => {
  it('sends again what is not acknowledged first, and releases the rest behind it', () => {
    const outbox = new Outbox()
    for (const messageId of [1, 2])
      outbox.apply({ event: 'publish', messageId, topic: TOPIC, number: messageId, qos: 2 })
    outbox.apply({ event: 'pubrec', messageId: 1 })
    assert.deepEqual([...outbox.inFlight.keys()], [2, 1])
    outbox.apply({ event: 'pubcomp', messageId: 1 })
    outbox.apply({ event: 'pubcomp', messageId: 2 })
    assert.deepEqual([outbox.inFlight.size, outbox.nextPacketId()], [0, 3])
  })
})
