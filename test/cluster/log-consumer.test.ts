/** The messages of a shard are delivered one after the other, however many turns of the event loop one of them takes. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { LogConsumer, type LogConsumerParts } from '../../lib/cluster/log-consumer.js'
import { OwnedSession, refOf } from '../../lib/cluster/sessions/owned-session.js'
import type { PublishMessage } from '../../lib/codec/publish-message.js'
import { recordOf } from '../../lib/model/routing-record.js'
import { textPacket } from '../support/clients/exchange.js'

/** @param routed what the delivery of each message returns, in order */
function consumerWith(routed: (Promise<void> | undefined)[], held?: Promise<void>): LogConsumer {
  return new LogConsumer({
    hold: () => held,
    route: () => routed.shift(),
    storedHere: () => [],
  } as unknown as LogConsumerParts)
}

const entry = (sequence: number) => ({
  message: {
    ...textPacket('t', String(sequence), { qos: 1 }),
    clientId: 'publisher',
    messageExpiry: undefined,
  } as never,
  position: { shard: 0, sequence },
})

it('a message whose delivery takes several turns delays the next one of its shard', async () => {
  let done = () => {}
  const routing = new Promise<void>(resolve => {
    done = resolve
  })
  const consumer = consumerWith([routing, undefined])
  let isOver = false
  const arrived = Promise.resolve(consumer.arrived(entry(1))).then(() => {
    isOver = true
  })
  await new Promise(setImmediate)
  assert.equal(isOver, false)
  done()
  await arrived
  assert.equal(consumer.arrived(entry(2)), undefined)
})

it('a message that had to wait for room delays the next one of its shard', async () => {
  const consumer = consumerWith([new Promise(setImmediate)], Promise.resolve())
  let isOver = false
  const arrived = Promise.resolve(consumer.arrived(entry(1))).then(() => {
    isOver = true
  })
  await Promise.resolve()
  await Promise.resolve()
  assert.equal(isOver, false)
  await arrived
})

it('a message whose delivery takes several turns is not delivered live to sessions that have read it or connected meanwhile', async () => {
  let done = () => {}
  const routing = new Promise<void>(resolve => {
    done = resolve
  })
  const sessions = new Map(
    ['reader', 'other'].map(clientId => {
      const owned = new OwnedSession({ clientId, token: 1 }, 1, new Map())
      owned.subscribe({ topic: 't', qos: 1 } as never, [0])
      owned.endRead(owned.beginRead([0]))
      return [clientId, owned]
    }),
  )
  let message: PublishMessage | undefined
  const consumer = new LogConsumer({
    hold: () => undefined,
    route: (routed: PublishMessage) => {
      message = routed
      return routing
    },
    read: () => {},
    interests: { since: () => [0] },
    store: { owned: (clientId: string) => sessions.get(clientId) },
    storedHere: () => [...sessions.keys()].map(clientId => ({ clientId, topic: 't', qos: 1 })),
  } as unknown as LogConsumerParts)
  const position = { shard: 0, sequence: 1 }
  const arrived = consumer.arrived(entry(1))
  consumer.sentFromQueue(refOf(position), 'reader')
  const record = recordOf(message!)!
  assert.deepEqual(
    ['reader', 'other', 'late'].map(id => !record.isWithheld(id) && record.agreesWithQueue(id, 1)),
    [false, true, false],
  )
  done()
  await arrived
  // it is no longer being delivered
  consumer.sentFromQueue(refOf(position), 'other')
  assert.equal(record.isWithheld('other'), false)
})
