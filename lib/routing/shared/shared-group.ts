/**
 * Shared subscriptions: groups, their members, and the choice of the member that gets a message [MQTT 5.0, 4.8.2].
 * Owns the choice; must not know how a message reaches a member.
 */
import type { SharedStrategy } from '../../../types/broker/options.js'
import type { MatchedSubscription } from '../../../types/persistence.js'
import { SessionSubscription } from '../../model/subscription.js'
import { parseShare } from '../../topic/topic.js'

/** A member whose client is not connected: its session is in the store. */
export type OfflineMember = MatchedSubscription

/** All members of one `$share/group/filter`. */
export class SharedGroup {
  /** The whole `$share/…` filter. */
  readonly share: string
  /** The filter that topics are matched against. */
  readonly filter: string
  readonly #live = new Map<string, SessionSubscription>()
  readonly #away = new Map<string, OfflineMember>()
  #members: SessionSubscription[] = []
  #turn = 0

  constructor(share: string) {
    this.share = share
    this.filter = parseShare(share)!.filter
  }

  /** The number of members, connected or not. */
  get size(): number {
    return this.#live.size + this.#away.size
  }

  /** The identifiers of the connected members. */
  get connectedClients(): Iterable<string> {
    return this.#live.keys()
  }

  /** The subscription of a connected member. */
  memberOf(clientId: string): SessionSubscription | undefined {
    return this.#live.get(clientId)
  }

  /** Adds a connected member. A second subscription of the member replaces its first. */
  join(subscription: SessionSubscription): void {
    this.#away.delete(subscription.session.id)
    this.#live.set(subscription.session.id, subscription)
    this.#members = [...this.#live.values()]
  }

  leave(clientId: string): void {
    this.#away.delete(clientId)
    if (this.#live.delete(clientId)) this.#members = [...this.#live.values()]
  }

  /** Adds a member that is not connected, or notes that its client has left. */
  joinOffline(member: OfflineMember): void {
    this.leave(member.clientId)
    this.#away.set(member.clientId, member)
  }

  isLive(member: SessionSubscription | OfflineMember): member is SessionSubscription {
    return member instanceof SessionSubscription && this.#live.get(member.session.id) === member
  }

  /** The current subscription of this member's client, if it is connected. */
  live(member: SessionSubscription | OfflineMember): SessionSubscription | undefined {
    return this.#live.get(clientIdOf(member))
  }

  /**
   * Chooses a connected member.
   * @param except a client that must not get the message
   */
  choose(
    message: { clientId: string | undefined },
    strategy: SharedStrategy,
    except?: string,
  ): SessionSubscription | undefined {
    const members = except === undefined ? this.#members : this.#members.filter(({ session }) => session.id !== except)
    return members.length < 2 ? members[0] : STRATEGIES[strategy](members, message, this.#turn++)
  }

  /** Chooses a member whose queue takes the message while no member is connected. */
  chooseOffline(except?: string): OfflineMember | undefined {
    const away = [...this.#away.values()].filter(({ clientId, qos }) => qos > 0 && clientId !== except)
    return away[this.#turn++ % away.length]
  }
}

/** The client identifier of a member. */
export function clientIdOf(member: SessionSubscription | OfflineMember): string {
  return member instanceof SessionSubscription ? member.session.id : member.clientId
}

type Strategy = (
  members: SessionSubscription[],
  message: { clientId: string | undefined },
  turn: number,
) => SessionSubscription | undefined

const STRATEGIES: Record<SharedStrategy, Strategy> = {
  'round-robin': (members, _, turn) => members[turn % members.length],
  random: members => members[Math.floor(Math.random() * members.length)],
  // Rendezvous hashing: a publisher keeps the member with the highest score until that member leaves.
  sticky: (members, { clientId = '' }) => highest(members, ({ session }) => hash(`${clientId}\0${session.id}`)),
  // QoS 0 messages do not count as load, so members with the same load take turns.
  'least-inflight': (members, _, turn) => highest(members, ({ session }) => -session.load, turn),
}

/** @param turn the index to begin with: of several members with the same score, the first one is chosen */
function highest(members: SessionSubscription[], score: (member: SessionSubscription) => number, turn = 0) {
  let best: SessionSubscription | undefined
  let bestScore = Number.NEGATIVE_INFINITY
  for (let i = 0; i < members.length; i++) {
    const member = members[(turn + i) % members.length]!
    const value = score(member)
    if (value > bestScore) {
      best = member
      bestScore = value
    }
  }
  return best
}

/**
 * FNV-1a, with the final mixing of MurmurHash3, so that names that differ in the last letter only are spread evenly.
 */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}
