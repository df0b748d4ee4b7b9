/** One delivery for many receivers: encoded once per kind of client, and again when its expiry has changed. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dialectOf } from '../../lib/codec/dialect.js'
import { PublishMessage } from '../../lib/codec/publish-message.js'
import { Delivery } from '../../lib/model/delivery.js'
import type { PublishProperties } from '../../types/message/packets.js'
import { decodeFrame } from '../session/support.js'

function delivery(properties?: PublishProperties, identifiers?: number[]): Delivery {
  const message = new PublishMessage('a/b', Buffer.from('x'), 2, true, true, 99, properties)
  return new Delivery(message, 1, true, identifiers, undefined)
}

describe('a delivery', () => {
  it('is encoded with its own QoS and flags, not with those of the published message', () => {
    const packet = decodeFrame(delivery().frame(dialectOf(4), undefined), 4, 7)
    assert.deepEqual(
      [packet.topic, packet.qos, packet.retain, packet.dup, packet.messageId],
      ['a/b', 1, true, false, 7],
    )
  })

  it('has one frame for all clients before 5.0, and another for those of 5.0', () => {
    const one = delivery()
    assert.equal(one.frame(dialectOf(3), undefined), one.frame(dialectOf(4), undefined))
    assert.equal(one.frame(dialectOf(5), undefined), one.frame(dialectOf(5), undefined))
    assert.notEqual(one.frame(dialectOf(5), undefined), one.frame(dialectOf(4), undefined))
  })

  it('is encoded again when its expiry has changed', () => {
    const one = delivery({ messageExpiryInterval: 10 })
    const early = one.frame(dialectOf(5), 10)
    assert.equal(one.frame(dialectOf(5), 10), early)
    const late = one.frame(dialectOf(5), 4)
    assert.equal(decodeFrame(early, 5, 1).properties?.messageExpiryInterval, 10)
    assert.equal(decodeFrame(late, 5, 1).properties?.messageExpiryInterval, 4)
  })

  it('has the properties of the message and the identifiers of its receiver only in 5.0', () => {
    const one = delivery({ contentType: 'text', userProperties: { a: 'b' } }, [3, 4])
    const properties = decodeFrame(one.frame(dialectOf(5), undefined), 5, 1).properties
    assert.equal(properties?.contentType, 'text')
    assert.deepEqual({ ...properties?.userProperties }, { a: 'b' })
    assert.deepEqual(properties?.subscriptionIdentifier, [3, 4])
    assert.equal(decodeFrame(one.frame(dialectOf(4), undefined), 4, 1).properties, undefined)
  })
})
