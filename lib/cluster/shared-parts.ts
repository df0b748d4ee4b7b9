/**
 * Shared subscriptions with members on this node: takes the messages that the engine hands out, and settles each when
 * the member has acknowledged it. Owns the unsettled messages; must not know how a member is chosen.
 */
import type { ClusterNode, Group, HeldEntry } from '../../types/cluster.js'
import type { MessageRef } from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { wrapError } from '../errors.js'
import { refKey } from '../model/message.js'
import type { GroupRegistry } from './cluster-interests.js'
import type { ClusterLink } from './cluster-link.js'
import { messageOfEntry } from './log-consumer.js'
import { refOf } from './sessions/owned-session.js'

/** How long a message without a receiver here is held back before another node may get it. */
const NOBODY_MS = 100

/** The outcome of a message of a shared subscription. */
export type SharedOutcome =
  /** A member has it, and will acknowledge it. */
  | 'sent'
  /** A member has it, and it needs no acknowledgement, or it is stored in the member's session. */
  | 'done'
  | 'nobody'

export interface SharedPartsDeps {
  readonly link: ClusterLink
  /** Delivers a message to a member that is connected here. */
  give(share: string, message: PublishMessage): SharedOutcome | Promise<SharedOutcome>
  failed(error: unknown): void
}

/** This node's membership in the group of a shared subscription. */
class Membership {
  /** Undefined while this node is not part of the cluster: it joins when it is again. */
  joined: Promise<Group | undefined> = Promise.resolve(undefined)
  /** Messages that are being given to a member. */
  readonly #giving = new Set<Promise<unknown>>()
  #isLeaving = false

  /** Whether no more messages are taken. */
  get isLeaving(): boolean {
    return this.#isLeaving
  }

  /** @param giving settles when a member has the message, or not */
  note(giving: Promise<unknown>): void {
    this.#giving.add(giving)
    const settled = () => this.#giving.delete(giving)
    giving.then(settled, settled)
  }

  /**
   * A message that is being stored with a member is waited for: the group gets back what is held when it is left, and
   * another member would get the message as well.
   */
  async leave(): Promise<void> {
    this.#isLeaving = true
    const group = await this.joined
    await Promise.allSettled(this.#giving)
    await group?.leave()
  }
}

export class SharedParts implements GroupRegistry {
  readonly #deps: SharedPartsDeps
  /** By share. */
  readonly #memberships = new Map<string, Membership>()
  /** Messages that members have not acknowledged, by reference and share: one client may have the same message twice. */
  readonly #held = new Map<string, HeldEntry>()

  constructor(deps: SharedPartsDeps) {
    this.#deps = deps
  }

  async join(share: string): Promise<void> {
    const { link } = this.#deps
    const membership = new Membership()
    this.#memberships.set(share, membership)
    if (!link.isJoined) return
    const { node } = link
    try {
      await this.#join(share, membership, node)
    } catch (error) {
      if (link.has(node) && !node.lease.lost.aborted) throw error
    }
  }

  leave(share: string): void {
    const membership = this.#memberships.get(share)
    this.#memberships.delete(share)
    membership?.leave().catch(this.#deps.failed)
  }

  async rejoin(node: ClusterNode): Promise<void> {
    this.#held.clear()
    await Promise.all(
      [...this.#memberships].map(([share, membership]) => this.#join(share, membership, node).catch(this.#deps.failed)),
    )
  }

  /** Settles a message that a member has acknowledged, or that was dropped. */
  done(ref: MessageRef): void {
    const key = refKey(ref)
    this.#held.get(key)?.done()
    this.#held.delete(key)
  }

  /** Returns the unfinished message of a member that leaves. @returns whether the message was from here */
  giveBack(ref: MessageRef): boolean {
    const key = refKey(ref)
    const held = this.#held.get(key)
    this.#held.delete(key)
    held?.giveBack()
    return held !== undefined
  }

  async #join(share: string, membership: Membership, node: ClusterNode): Promise<void> {
    membership.joined = node.joinGroup(share, entry => {
      if (membership.isLeaving) {
        later(() => entry.giveBack())
        return
      }
      const taken = this.#take(share, entry)
      membership.note(taken)
      taken.catch(this.#deps.failed)
    })
    await membership.joined
  }

  async #take(share: string, entry: HeldEntry): Promise<void> {
    const { position } = entry
    const message = messageOfEntry(entry.message)
    if (position !== undefined) {
      Object.assign(message, refOf(position))
      // several shared subscriptions may have the same message for one client
      message.brokerId += `/${share}`
      this.#held.set(refKey(message), entry)
    }
    // the message gets another identity when it is stored in a session
    const { brokerId, brokerCounter } = message
    const ref = { brokerId, brokerCounter }
    try {
      const outcome = await this.#deps.give(share, message)
      if (outcome === 'done') this.done(ref)
      else if (outcome === 'nobody') later(() => this.giveBack(ref))
    } catch (error) {
      this.giveBack(ref)
      throw wrapError('ANAX_ERR_CLUSTER', error)
    }
  }
}

function later(giveBack: () => void): void {
  setTimeout(giveBack, NOBODY_MS).unref()
}
