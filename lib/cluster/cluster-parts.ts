/**
 * Replaces store, bus and publisher of a broker that is a node of a cluster. Connects the parts of this folder; must
 * not know connections.
 */
import type { Cluster, ClusterNode, ClusterStats, MembershipChange } from '../../types/cluster.js'
import type { Message } from '../../types/message/message.js'
import type { MatchedSubscription, MaybePromise, MessageRef, QueueLimits, StoredWill } from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { type AnaxError, wrapError } from '../errors.js'
import { NEVER_EXPIRES } from '../model/session-expiry.js'
import type { SessionSubscription } from '../model/subscription.js'
import type { Authorizer } from '../ports/authorizer.js'
import type { EventSink } from '../ports/event-sink.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'
import { liveCopy } from '../routing/live-copy.js'
import type { Timers } from '../util/scheduling/timers.js'
import { ClusterInterests } from './cluster-interests.js'
import { ClusterLink } from './cluster-link.js'
import { ClusterSink } from './cluster-sink.js'
import { ClusterStore } from './cluster-store.js'
import { LogConsumer } from './log-consumer.js'
import type { OwnedSession } from './sessions/owned-session.js'
import { SessionDeadlines } from './sessions/session-deadlines.js'
import { type SharedOutcome, SharedParts } from './shared-parts.js'

/** The broker as the cluster sees it. */
export interface ClusterHost {
  route(message: PublishMessage): MaybePromise<void>
  memberFor(share: string, message: PublishMessage): SessionSubscription | undefined
  storedHere(topic: string): MatchedSubscription[]
  /** A promise until all connected clients have room for a message of the log; undefined if they have. */
  hold(message: PublishMessage): Promise<void> | undefined
  /** The limits of a client's queue while the client is disconnected. */
  limitsOf(clientId: string): QueueLimits
  /** The current limits of a connected client, which may be higher while the client reads. */
  limitsNow(clientId: string): QueueLimits
  /** Makes a session read its queue. @param bytes of the message that was added to it */
  read(clientId: string, bytes?: number): void
  /** Releases a client that another node claims. */
  letGo(clientId: string): Promise<void>
  /** Called when the lease is lost. Resolves when the clients that must not stay are disconnected. */
  leaseLost(error: AnaxError): Promise<void>
  /** Called when there is a lease again: claims the clients that have stayed. */
  leaseTaken(): Promise<void>
  /** Handles a due will or expiry of a disconnected session. */
  processDue(clientId: string): Promise<void>
}

export interface ClusterPartsOptions {
  readonly cluster: Cluster
  readonly leaseMs: number
  readonly options: ResolvedOptions
  readonly authorizer: Authorizer
  readonly events: EventSink
  readonly timers: Timers
  readonly host: ClusterHost
}

export class ClusterParts {
  readonly store: ClusterStore
  readonly sink: ClusterSink
  readonly interests: ClusterInterests
  readonly #link: ClusterLink
  readonly #shared: SharedParts
  readonly #deadlines: SessionDeadlines
  readonly #parts: ClusterPartsOptions
  /** Whether the lease is lost, and all clients with state in the cluster were disconnected. */
  #isAlone = false

  constructor(parts: ClusterPartsOptions) {
    const { cluster, leaseMs, options, authorizer, events, timers, host } = parts
    this.#parts = parts
    const failed = (error: unknown) => {
      // what was under way when this node left is nobody's business
      if (!link.isClosed) events.emit('storeError', wrapError('ANAX_ERR_CLUSTER', error))
    }
    const deadlines = new SessionDeadlines({ timers, failed, processDue: clientId => host.processDue(clientId) })
    const link: ClusterLink = new ClusterLink({
      cluster,
      leaseMs,
      timers,
      node: options.id,
      events: {
        failed,
        letGo: clientId => host.letGo(clientId),
        message: entry => {
          interests.noteArrived(entry.position)
          return logConsumer.arrived(entry) as Promise<void> | void
        },
        signal: message => logConsumer.signalled(message),
        deadline: (clientId, at) => deadlines.set(clientId, at),
        orphan: clientId => deadlines.setOrphan(clientId),
        membership: change => this.#changed(change),
        refused: writes => events.emit('lateWritesRefused', writes),
        clockWrong: aheadMs => events.emit('clockWrong', aheadMs),
      },
      lost: error => this.#lost(error),
      joined: node => this.#joined(node),
    })
    const dropped = (clientId: string, message: Message) =>
      events.emit('drop', { clientId, message, reason: 'queue-full' })
    const shared = new SharedParts({ link, failed, give: (share, message) => this.#give(share, message) })
    const interests = new ClusterInterests(link, shared)
    const store = new ClusterStore({
      link,
      brought: interests,
      failed,
      dropped,
      limitsOf: clientId => host.limitsOf(clientId),
      now: () => timers.wallTime(),
    })
    const sink = new ClusterSink({
      options,
      authorizer,
      events,
      link,
      store,
      routeHere: message => host.route(message),
      sharedDone: ref => shared.done(ref),
      sentFromQueue: (ref, clientId) => logConsumer.sentFromQueue(ref, clientId),
    })
    const logConsumer: LogConsumer = new LogConsumer({
      store,
      interests,
      storedHere: topic => host.storedHere(topic),
      hold: message => host.hold(message),
      route: message => host.route(message),
      read: (clientId, bytes) => host.read(clientId, bytes),
      limitsNow: clientId => host.limitsNow(clientId),
      dropped,
      number: sink.number,
    })
    this.store = store
    this.sink = sink
    this.interests = interests
    this.#link = link
    this.#shared = shared
    this.#deadlines = deadlines
  }

  get stats(): ClusterStats | undefined {
    return this.#link.stats
  }

  /** Whether this node is part of the cluster. */
  get isMember(): boolean {
    return this.#link.isValid
  }

  /** Whether anything may be written to clients. */
  readonly mayWrite = (): boolean => this.#link.isValid || this.#isAlone

  /** @returns the largest message in bytes. Rejects with ANAX_ERR_CLUSTER, ANAX_ERR_OPTION. */
  async open(): Promise<number> {
    await this.#link.open()
    return this.#link.node.maxMessageBytes
  }

  /** Stops the deadlines; the store closes the rest. */
  stop(): void {
    this.#deadlines.stop()
  }

  async claim(clientId: string, giveUp: Pick<AbortController, 'signal'>): Promise<void> {
    this.#adopt(await this.store.claim(clientId, giveUp))
  }

  async claimIfFree(clientId: string): Promise<boolean> {
    const owned = await this.store.claimIfFree(clientId)
    if (owned !== undefined) this.#adopt(owned)
    return owned !== undefined
  }

  /**
   * Sets missing deadlines, because a failed owner cannot have written when the session expires and the will is due.
   */
  #adopt(owned: OwnedSession): void {
    const { session, will } = owned
    const { clientId, previous } = owned.claim
    if (previous !== undefined) this.#parts.events.emit('sessionTakenOver', clientId, previous)
    const now = this.#parts.timers.wallTime()
    const expiry = session?.expiryInterval ?? 0
    // without a time, its client was connected to a node that has failed
    if (session !== undefined && session.expiresAt === undefined && expiry !== NEVER_EXPIRES) {
      session.expiresAt = now + expiry * 1000
    }
    if (will !== undefined && will.dueAt === undefined) will.dueAt = now + willDelay(owned) * 1000
  }

  /** The retained messages for a new subscription: if this node is cut off, once it is a member again. */
  async *retained(filters: readonly string[]): AsyncGenerator<Message> {
    yield* (await this.#link.member()).retained(filters)
  }

  release(clientId: string): Promise<void> {
    return this.store.release(clientId)
  }

  keepQueue(clientId: string): Promise<void> {
    return this.store.keepQueue(clientId)
  }

  owns(clientId: string): boolean {
    return this.#link.isJoined && this.store.owned(clientId) !== undefined
  }

  dueWill(clientId: string): StoredWill | undefined {
    const owned = this.store.owned(clientId)
    const will = owned?.will
    if (owned === undefined || will?.dueAt === undefined) return undefined
    // a will without a delay that is still here could not be published before: a client that reconnects must not cancel
    // it
    return will.dueAt <= this.#parts.timers.wallTime() || willDelay(owned) === 0 ? will.will : undefined
  }

  giveBack(messages: readonly MessageRef[]): void {
    for (const message of messages) this.#shared.giveBack(message)
  }

  /** Delivers a message of a shared subscription to a member that is connected here. */
  #give(share: string, message: PublishMessage): SharedOutcome | Promise<SharedOutcome> {
    const member = this.#parts.host.memberFor(share, message)
    if (member === undefined) return 'nobody'
    const { session } = member
    const delivery = liveCopy(message, member, share)
    if (delivery.qos > 0 && session.stored) return this.#giveStored(session.id, delivery, message)
    session.deliver(delivery)
    return delivery.qos > 0 ? 'sent' : 'done'
  }

  /** Stores the message with the member's session, so that it moves with the session. */
  async #giveStored(
    clientId: string,
    { qos, retain, subscriptionIdentifiers }: ReturnType<typeof liveCopy>,
    message: PublishMessage,
  ): Promise<SharedOutcome> {
    await this.store.append(message, { clientId, qos, retain, subscriptionIdentifiers, share: undefined })
    this.#parts.host.read(clientId)
    return 'done'
  }

  async #lost(error: AnaxError): Promise<void> {
    this.#parts.events.emit('leaseLost', error)
    this.#deadlines.clear()
    this.store.forgetAll()
    await this.#parts.host.leaseLost(error)
    this.#isAlone = true
  }

  async #joined(node: ClusterNode): Promise<void> {
    this.#isAlone = false
    await this.interests.rejoin(node)
    await this.#parts.host.leaseTaken()
  }

  #changed(change: MembershipChange): void {
    this.#parts.events.emit('clusterChanged', change)
  }
}

/** Seconds from the end of the connection until the will is due. */
function willDelay({ session, will }: OwnedSession): number {
  const delay = will?.will.properties?.willDelayInterval ?? 0
  const expiry = session?.expiryInterval ?? 0
  return expiry === NEVER_EXPIRES ? delay : Math.min(delay, expiry)
}
