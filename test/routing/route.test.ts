/** Routes from matching subscriptions: one target per session, with and without the session's own messages. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { HostListener } from '../../lib/routing/host-listener.js'
import { Route, type Target } from '../../lib/routing/route.js'
import { SharedGroup } from '../../lib/routing/shared/shared-group.js'
import type { QoS } from '../../types/message/packets.js'
import { NotingSession } from './support.js'

const option = fc.record({
  session: fc.nat(2),
  qos: fc.constantFrom<QoS>(0, 1, 2),
  nl: fc.boolean(),
  rap: fc.boolean(),
  identifier: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
})

function summary(target: Target | undefined) {
  if (target === undefined) return undefined
  const { qos, rap, subscriptionIdentifiers } = target
  return { qos, rap, identifiers: [...(subscriptionIdentifiers ?? [])].sort() }
}

it('a route has one target per session, with the highest QoS and all identifiers of its matching subscriptions', () => {
  fc.assert(
    fc.property(fc.array(option, { maxLength: 8 }), fc.integer({ min: 1, max: 9 }), (options, step) => {
      const sessions = [0, 1, 2].map(id => new NotingSession(String(id)))
      const subscriptions = options.map(({ session, identifier, ...rest }, i) =>
        sessions[session]!.subscribe(`filter/${i}`, rest, identifier),
      )
      const route = new Route(subscriptions)
      while (!route.isComplete) route.build(step)
      const { targets } = route
      assert.equal(targets.length, new Set(options.map(({ session }) => session)).size)
      for (const target of targets) {
        const own = options.filter(({ session }) => sessions[session] === target.session)
        assert.deepEqual(summary(target), expected(own))
        assert.deepEqual(summary(target.forPublisher), expected(own.filter(({ nl }) => !nl)))
      }
    }),
  )
})

function expected(options: { qos: QoS; rap: boolean; identifier: number | undefined }[]) {
  if (options.length === 0) return undefined
  return {
    qos: Math.max(...options.map(({ qos }) => qos)),
    rap: options.some(({ rap }) => rap),
    identifiers: options.flatMap(({ identifier }) => (identifier === undefined ? [] : [identifier])).sort(),
  }
}

it('a route lists shared groups and listeners of the application separately', () => {
  const group = new SharedGroup('$share/g/a')
  const listener = new HostListener(
    () => {},
    () => {},
  )
  const subscription = new NotingSession('one').subscribe('a')
  const route = new Route([group, subscription, listener])
  route.build(3)
  assert.deepEqual([route.groups, route.listeners, route.targets], [[group], [listener], [subscription]])
})
