/**
 * Who gets the messages of one topic: one target per session, the shared groups, the host's listeners.
 * Made once per topic and set of subscriptions; must not know a message.
 */
import { type Grant, mergeAllGrants } from '../model/grant.js'
import type { Subscriber } from '../model/subscriber.js'
import { SessionSubscription } from '../model/subscription.js'
import { HostListener } from './host-listener.js'
import type { SharedGroup } from './shared-subscriptions.js'

/** Who may want the messages of a filter. */
export type Match = SessionSubscription | SharedGroup | HostListener

/** How one session gets the messages of a topic. */
export interface Target extends Grant {
  readonly session: Subscriber
  /** The same for messages that the session published itself: without the No Local ones [MQTT-3.8.3-3]. */
  readonly forPublisher: Target | undefined
  /** False once the subscriptions have ended: a message that is on its way then is not for the session any more. */
  readonly isLive: boolean
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
    this.targets = [...bySession.values()].map(subscriptions => targetOf(subscriptions)!)
    this.groups = groups
    this.listeners = listeners
  }
}

function targetOf(subscriptions: SessionSubscription[]): Target | undefined {
  const first = subscriptions[0]
  if (first === undefined) return undefined
  if (subscriptions.length === 1) return first
  const local = subscriptions.filter(({ nl }) => !nl)
  const forPublisher = local.length === subscriptions.length ? 'the same' : targetOf(local)
  return new MergedTarget(subscriptions, forPublisher)
}

/** Several subscriptions of one session. */
class MergedTarget implements Target {
  readonly session: Subscriber
  readonly qos: Grant['qos']
  readonly rap: Grant['rap']
  readonly subscriptionIdentifiers: Grant['subscriptionIdentifiers']
  readonly forPublisher: Target | undefined
  readonly #subscriptions: readonly SessionSubscription[]

  constructor(subscriptions: readonly SessionSubscription[], forPublisher: Target | undefined | 'the same') {
    const { qos, rap, subscriptionIdentifiers } = mergeAllGrants(subscriptions)
    this.session = subscriptions[0]!.session
    this.qos = qos
    this.rap = rap
    this.subscriptionIdentifiers = subscriptionIdentifiers
    this.forPublisher = forPublisher === 'the same' ? this : forPublisher
    this.#subscriptions = subscriptions
  }

  get isLive(): boolean {
    return this.#subscriptions.some(({ isLive }) => isLive)
  }
}
