/** Messages from a bus: which ones have to be routed, and what is still remembered of them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PublishMessage } from '../../../../lib/codec/publish-message.js'
import { recordOf } from '../../../../lib/model/routing-record.js'
import { RecentMessages } from '../../../../lib/routing/bus/host-bus/recent-messages.js'
import { FakeClock } from '../../../../lib/testing/fake-clock.js'
import { Timers } from '../../../../lib/util/scheduling/timers.js'
import type { BusMessage } from '../../../../types/bus.js'

const HERE = 'here'
const LONG_MS = 60_000

function recentMessages() {
  const clock = new FakeClock()
  return { clock, recent: new RecentMessages(HERE, new Timers(clock)) }
}

function published(brokerId: string, brokerCounter: number): PublishMessage {
  const message = new PublishMessage('t', Buffer.from('x'), 1, false, false, undefined, undefined)
  message.brokerId = brokerId
  message.brokerCounter = brokerCounter
  return message
}

const copyOf = (message: PublishMessage): BusMessage => ({ ...message })

function withheldFrom(message: PublishMessage, clients: string[]): string[] {
  return clients.filter(client => recordOf(message)?.isWithheld(client))
}

describe("the broker's own message", () => {
  it('is recognized by its number, once', () => {
    const { recent: known } = recentMessages()
    const [one, other] = [published(HERE, 1), published(HERE, 2)]
    for (const message of [one, other]) known.expect(message)
    assert.deepEqual(known.take(copyOf(other)), { message: other, origin: 'this broker' })
    assert.deepEqual(known.take(one), { message: one, origin: 'this broker' })
    for (const message of [one, other]) assert.equal(known.take(copyOf(message)), undefined)
  })

  it('skips clients that got it from their queues before it arrives', () => {
    const { recent: known } = recentMessages()
    const message = published(HERE, 1)
    known.expect(message)
    known.sentFromQueue({ brokerId: HERE, brokerCounter: 1 }, 'client')
    known.sentFromQueue({ brokerId: HERE, brokerCounter: 2 }, 'client')
    assert.deepEqual(withheldFrom(known.take(copyOf(message))!.message, ['client', 'other']), ['client'])
  })

  it('that is no longer remembered is routed once, and stored sessions get it only from their queues', async () => {
    const { clock, recent: known } = recentMessages()
    const [late, refused] = [published(HERE, 1), published(HERE, 2)]
    known.expect(late)
    await clock.advance(LONG_MS)
    known.expect(refused)
    known.abandon(refused)
    for (const message of [late, refused]) {
      const received = known.take(copyOf(message))
      assert.equal(received?.origin, 'this broker')
      assert.notEqual(received?.message, message)
      assert.equal(recordOf(received!.message)?.agreesWithQueue('stored', 1), false)
      assert.equal(known.take(copyOf(message)), undefined)
    }
  })

  it('is remembered if the bus delivers it but reports a failure', () => {
    const { recent: known } = recentMessages()
    const message = published(HERE, 1)
    known.expect(message)
    known.take(copyOf(message))
    known.abandon(message)
    assert.equal(known.take(copyOf(message)), undefined)
  })
})

describe('a message of another broker', () => {
  it('is accepted once, as a message of this process', () => {
    const { recent: known } = recentMessages()
    const message = published('there', 1)
    const received = known.take(message)
    assert.equal(received?.origin, 'another broker')
    assert.notEqual(received?.message, message)
    assert.deepEqual([received?.message.brokerId, received?.message.brokerCounter], ['there', 1])
    assert.equal(known.take(copyOf(message)), undefined)
    assert.equal(known.take(copyOf(published('yonder', 1)))?.origin, 'another broker')
  })

  it('skips clients that got it from their queues before it arrived or was routed', () => {
    const { recent: known } = recentMessages()
    const message = published('there', 1)
    const clients = ['one', 'two', 'three', 'four']
    for (const client of ['one', 'two']) known.sentFromQueue(message, client)
    const taken = known.take(copyOf(message))!.message
    known.sentFromQueue(message, 'three')
    assert.deepEqual(withheldFrom(taken, clients), ['one', 'two', 'three'])
    known.routed(taken)
    known.sentFromQueue(message, 'four')
    assert.deepEqual(withheldFrom(taken, clients), ['one', 'two', 'three'])
    assert.equal(known.take(copyOf(message)), undefined)
  })

  it('that is invalid is ignored', () => {
    const { recent: known } = recentMessages()
    for (const foreign of [
      { topic: 'a', qos: 7 },
      { topic: 'a', payload: 5, brokerId: 'there', brokerCounter: 1 },
      { topic: 'a', qos: 7, brokerId: HERE, brokerCounter: 1 },
    ]) {
      assert.equal(known.take(foreign), undefined)
    }
  })
})

it('a message without a number is accepted once, as long as it is the same object', () => {
  const { recent: known } = recentMessages()
  const message = { topic: 'a', payload: 'x' }
  assert.equal(known.take(message)?.origin, 'application')
  assert.equal(known.take(message), undefined)
  assert.equal(known.take({ ...message })?.origin, 'application')
})

it('messages are forgotten after some time', async () => {
  const { clock, recent: known } = recentMessages()
  for (let number = 1; number <= 100; number++) {
    known.expect(published(HERE, number))
    known.take(copyOf(published('there', number)))
    known.sentFromQueue({ brokerId: 'yonder', brokerCounter: number }, 'client')
  }
  assert.equal(known.size, 300)
  await clock.advance(LONG_MS)
  assert.deepEqual([known.size, clock.pendingTimers], [0, 0])
})
