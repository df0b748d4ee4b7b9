/** Waiting and unacknowledged messages do not keep the chunk in memory in which they arrived. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PublishMessage } from '../../../lib/codec/publish-message.js'
import { Delivery } from '../../../lib/model/delivery.js'
import type { Message } from '../../../types/message/message.js'
import { attached } from './outgoing-fixture.js'

describe('messages to a client', () => {
  it('have their own copy of the payload while they wait', () => {
    const { outgoing, link } = attached({})
    const chunk = Buffer.from('payload')
    const message = new PublishMessage('t', chunk.subarray(0), 0, false, false, undefined, undefined)
    link.ready = false
    outgoing.deliver(new Delivery(message, 0, false, undefined, undefined))
    chunk.fill(0)
    assert.equal(message.payload.toString(), 'payload')
  })

  for (const [what, forward] of [
    ['as it came', undefined],
    ['as authorizeForward returned it', (_: unknown, message: Message) => message],
  ] as const) {
    it(`have their own copy of the payload between sending and acknowledgement, ${what}`, () => {
      const { outgoing, link, deliveries } = attached({ forward })
      const chunk = Buffer.alloc(5000, 'a large payload in a chunk that is larger. ')
      const payload = chunk.subarray(-3000)
      const message = new PublishMessage('t', payload, 1, false, false, undefined, undefined)
      let framed: Buffer | undefined
      const { frame } = link
      link.frame = (delivery, attempt) => {
        framed = delivery.message.payload
        return frame.call(link, delivery, attempt)
      }
      outgoing.deliver(new Delivery(message, 1, false, undefined, undefined))
      assert.deepEqual(framed, payload)
      assert.notEqual(framed?.buffer, chunk.buffer, 'a large payload is written without a copy')
      assert.equal(deliveries()[0]?.message.payload, framed)
      assert.notEqual(message.payload.buffer, chunk.buffer)
    })
  }

  it('have their own copy of a small payload once they are encoded', () => {
    const { outgoing, deliveries } = attached({})
    const chunk = Buffer.alloc(30, 'a large chunk with one payload')
    const message = new PublishMessage('t', chunk.subarray(-7), 1, false, false, undefined, undefined)
    outgoing.deliver(new Delivery(message, 1, false, undefined, undefined))
    chunk.fill(0)
    assert.equal(deliveries()[0]?.message.payload.toString(), 'payload')
  })
})
