/**
 * What the subscriptions that match one topic come to: one target per session, the shared groups, the host's listeners.
 * Made once per topic and set of subscriptions; must not know a message.
 */
import type { QoS } from '../../types/packets.js'
import type { Subscriber } from '../model/subscriber.js'
import { SessionSubscription } from '../model/subscription.js'
import { HostListener } from './host-listener.js'
import type { SharedGroup } from './shared-subscriptions.js'

/** Who may want the messages of a filter. */
export type Match = SessionSubscription | SharedGroup | HostListener

/** How one session gets the messages of a topic. */
export interface Target {
  readonly session: Subscriber
  /** The highest of the matching subscriptions [MQTT-3.3.4-2]. */
  readonly qos: QoS
  /** Whether one of them keeps the publisher's RETAIN flag. */
  readonly rap: boolean
  /** All that they have [MQTT-3.3.4-3], [MQTT-3.3.4-4]. */
  readonly subscriptionIdentifiers: readonly number[] | undefined
  /** The same for messages that the session published itself: without the No Local ones [MQTT-3.8.3-3]. */
  readonly forPublisher: Target | undefined
}

export class Route {
  readonly targets: readonly Target[]
  readonly groups: readonly SharedGroup[]
  readonly listeners: readonly HostListener[]

  constructor(matched: readonly Match[]) {
    const bySession = new Map<Subscriber, SessionSubscription[]>()
    const groups: SharedGroup[] = []
    const listeners: HostListener[] = []
    for (const match of matched) {
      if (!(match instanceof SessionSubscription)) {
        if (match instanceof HostListener) listeners.push(match)
        else groups.push(match)
        continue
      }
      const others = bySession.get(match.session)
      if (others === undefined) bySession.set(match.session, [match])
      else others.push(match)
    }
    this.targets = [...bySession.values()].map(subscriptions => merge(subscriptions)!)
    this.groups = groups
    this.listeners = listeners
  }
}

function merge(subscriptions: SessionSubscription[]): Target | undefined {
  const first = subscriptions[0]
  if (first === undefined) return undefined
  if (subscriptions.length === 1) return first
  const local = subscriptions.filter(({ nl }) => !nl)
  const target = mergeAll(first.session, subscriptions)
  const forPublisher = local.length === subscriptions.length ? target : merge(local)
  return { ...target, forPublisher }
}

function mergeAll(session: Subscriber, subscriptions: SessionSubscription[]): Target {
  let qos: QoS = 0
  let rap = false
  const identifiers: number[] = []
  for (const subscription of subscriptions) {
    if (subscription.qos > qos) qos = subscription.qos
    rap ||= subscription.rap
    if (subscription.subscriptionIdentifier !== undefined) identifiers.push(subscription.subscriptionIdentifier)
  }
  const subscriptionIdentifiers = identifiers.length > 0 ? identifiers : undefined
  return { session, qos, rap, subscriptionIdentifiers, forPublisher: undefined }
}
