/** The messages of a shard are delivered one after the other, however many turns of the event loop one of them takes. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { LogConsumer, type LogConsumerParts } from '../../lib/cluster/log-consumer.js'
import { textPacket } from '../support/exchange.js'

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

it('a message whose delivery takes several turns holds up the next one of its shard', async () => {
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

it('so does one that had to wait for room before', async () => {
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
