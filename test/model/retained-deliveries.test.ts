/** Retained messages for many new subscriptions: they share one delivery, and few are kept. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RetainedDeliveries } from '../../lib/model/retained-deliveries.js'
import { message } from '../routing/support.js'

describe('the deliveries of retained messages', () => {
  it('are shared by all clients with the same options', () => {
    const deliveries = new RetainedDeliveries()
    const [one, other] = [message('one', 'x'), message('other', 'x')]
    const first = deliveries.of(one, 0)
    assert.equal(deliveries.of(one, 0), first)
    assert.notEqual(deliveries.of(other, 0), first)
    assert.deepEqual([first.message, first.qos, first.retain], [one, 0, true])
    assert.equal(deliveries.of(one, 1).qos, 1)
  })

  it('are not kept forever', () => {
    const deliveries = new RetainedDeliveries()
    const one = message('one', 'x')
    const first = deliveries.of(one, 0)
    for (let i = 0; i < 3000; i++) deliveries.of(message(`t/${i}`, 'x'), 0)
    assert.notEqual(deliveries.of(one, 0), first)
  })

  it('are not kept for large messages', () => {
    const deliveries = new RetainedDeliveries()
    const large = message('large', 'x'.repeat(2000))
    assert.notEqual(deliveries.of(large, 0), deliveries.of(large, 0))
  })
})
