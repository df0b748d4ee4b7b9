/**
 * Messages that are queued and not routed yet: found by number, however many there are and in whatever order they
 * leave.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PendingMessages } from '../../../lib/broker/publish/pending-messages.js'
import { PublishMessage } from '../../../lib/codec/publish-message.js'

function numbered(number: number): PublishMessage {
  const message = new PublishMessage('t', Buffer.alloc(0), 1, false, false, undefined, undefined)
  message.brokerCounter = number
  return message
}

test('a pending message is found by its number until it is deleted', () => {
  const step = fc.record({ what: fc.constantFrom('add', 'delete'), which: fc.nat({ max: 29 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const pending = new PendingMessages()
      const messages = Array.from({ length: 30 }, (_, i) => numbered(i + 1_700_000_000_000_000))
      const there = new Set<PublishMessage>()
      for (const { what, which } of steps) {
        const message = messages[which]!
        if (what === 'delete') {
          pending.delete(message)
          there.delete(message)
        } else if (!there.has(message)) {
          pending.add(message)
          there.add(message)
        }
        for (const one of messages) {
          assert.equal(pending.get(one.brokerCounter), there.has(one) ? one : undefined)
        }
      }
    }),
  )
})
