/** A subscription's options, packed and unpacked; and a subscription as the route of its own messages. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { SessionSubscription } from '../../lib/model/subscription.js'
import { bareSession } from '../session/support.js'

const session = bareSession('client')
const options = fc.record(
  {
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    nl: fc.boolean(),
    rap: fc.boolean(),
    rh: fc.constantFrom(0 as const, 1 as const, 2 as const),
  },
  { requiredKeys: ['qos'] },
)

it('a subscription has the options with which it was made', () => {
  fc.assert(
    fc.property(
      options,
      fc.option(fc.integer({ min: 1, max: 268_435_455 }), { nil: undefined }),
      (given, identifier) => {
        const subscription = new SessionSubscription(session, { topic: 'a', ...given }, identifier)
        const { qos, nl = false, rap = false, rh = 0 } = given
        assert.deepEqual(
          [subscription.qos, subscription.nl, subscription.rap, subscription.rh, subscription.subscriptionIdentifier],
          [qos, nl, rap, rh, identifier],
        )
        const named = identifier === undefined ? {} : { subscriptionIdentifier: identifier }
        assert.deepEqual(subscription.toJSON(), { topic: 'a', qos, nl, rap, rh, ...named })
        assert.deepEqual(subscription.subscriptionIdentifiers, identifier === undefined ? undefined : [identifier])
        assert.equal(subscription.forPublisher, nl ? undefined : subscription)
      },
    ),
  )
})

it('two subscriptions are equal only if filter and options are', () => {
  fc.assert(
    fc.property(options, options, fc.boolean(), (one, other, sameTopic) => {
      const subscription = new SessionSubscription(session, { topic: 'a', ...one })
      const full = ({ qos, nl = false, rap = false, rh = 0 }: typeof one) => JSON.stringify([qos, nl, rap, rh])
      assert.equal(
        subscription.isLike({ topic: sameTopic ? 'a' : 'b', ...other }),
        sameTopic && full(one) === full(other),
      )
    }),
  )
})
