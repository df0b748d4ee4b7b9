/** Copies for stored subscriptions: one per session, compared with a model that looks at each session by itself. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { deliveriesOf, sharedDeliveryOf } from '../../../../lib/broker/publish/queue-deliveries.js'
import { PublishMessage } from '../../../../lib/codec/publish-message.js'
import { SharedGroup } from '../../../../lib/routing/shared/shared-group.js'
import type { QoS } from '../../../../types/message/packets.js'
import type { MatchedSubscription } from '../../../../types/persistence.js'
import { NotingSession } from '../../../routing/support.js'

const subscription: fc.Arbitrary<MatchedSubscription> = fc.record({
  clientId: fc.constantFrom('a', 'b', 'c'),
  topic: fc.constant('t'),
  qos: fc.constantFrom<QoS>(0, 1, 2),
  nl: fc.boolean(),
  rap: fc.boolean(),
  subscriptionIdentifier: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
})

function published(qos: QoS, retain = false, clientId?: string): PublishMessage {
  const message = new PublishMessage('t', Buffer.alloc(0), qos, retain, false, undefined, undefined)
  message.clientId = clientId
  return message
}

it('each session has one copy, with the highest QoS of its subscriptions and all their identifiers', () => {
  const given = fc.record({
    matched: fc.array(subscription, { maxLength: 8 }),
    qos: fc.constantFrom<QoS>(0, 1, 2),
    retain: fc.boolean(),
    publisher: fc.constantFrom('a', 'b', 'other'),
    connected: fc.subarray(['a', 'b', 'c']),
  })
  fc.assert(
    fc.property(given, ({ matched, qos, retain, publisher, connected }) => {
      const message = published(qos, retain, publisher)
      const deliveries = deliveriesOf(message, matched, new Set(connected))
      const expected = ['a', 'b', 'c'].flatMap(clientId => {
        const own = matched.filter(each => each.clientId === clientId && !(each.nl && clientId === publisher))
        if (own.length === 0 || (qos === 0 && connected.includes(clientId))) return []
        const identifiers = own.flatMap(each => each.subscriptionIdentifier ?? [])
        return [
          {
            clientId,
            qos: Math.min(qos, Math.max(...own.map(each => each.qos))),
            retain: retain && own.some(({ rap }) => rap),
            subscriptionIdentifiers: identifiers.length > 0 ? identifiers : undefined,
            share: undefined,
          },
        ]
      })
      const byClient = [...deliveries].sort((one, other) => (one.clientId < other.clientId ? -1 : 1))
      assert.deepEqual(byClient, expected)
    }),
  )
})

it('a member of a shared subscription gets its copy through it, connected or disconnected', () => {
  const group = new SharedGroup('$share/g/t')
  const message = published(2, true)
  const here = new NotingSession('here').subscribe('$share/g/t', { qos: 1, rap: true }, 5)
  assert.deepEqual(sharedDeliveryOf({ group, member: here, message }), {
    clientId: 'here',
    qos: 1,
    retain: true,
    subscriptionIdentifiers: [5],
    share: '$share/g/t',
  })
  const away = { clientId: 'away', topic: '$share/g/t', qos: 2 as const }
  assert.deepEqual(sharedDeliveryOf({ group, member: away, message }), {
    clientId: 'away',
    qos: 2,
    retain: false,
    subscriptionIdentifiers: undefined,
    share: '$share/g/t',
  })
})
