/** Thousands of filters that are refused in one packet cost almost nothing. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { SubscriptionLoad } from '../../lib/model/metering/subscription-bytes.js'
import { SubscriptionQuota } from '../../lib/session/subscription-quota.js'

it('filters that are refused for the same reason share one error', () => {
  const quota = new SubscriptionQuota({ subscriptions: new Map(), subscriptionBytes: 0 }, new SubscriptionLoad())
  const limits = { maxSubscriptions: 2, maxSubscriptionBytes: 1000, maxTotalSubscriptionBytes: 10_000 }
  const long = 'l'.repeat(1000)
  const errors = quota.claim(['a', long, long, 'b', 'c', 'd'], limits) ?? []
  assert.deepEqual(
    errors.map(error => error?.message.match(/bytes|2 subscriptions/)?.[0]),
    [undefined, 'bytes', 'bytes', undefined, '2 subscriptions', '2 subscriptions'],
  )
  assert.equal(new Set(errors).size, 3)
})

it('filters within the limit cause no error', () => {
  const quota = new SubscriptionQuota({ subscriptions: new Map(), subscriptionBytes: 0 }, new SubscriptionLoad())
  const limits = { maxSubscriptions: 2, maxSubscriptionBytes: 1000, maxTotalSubscriptionBytes: 10_000 }
  assert.equal(quota.claim(['a', 'b'], limits), undefined)
})
