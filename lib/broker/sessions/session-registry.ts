/**
 * Opens, takes over, releases and ends sessions. Owns the order of these steps for one client identifier, and who is in
 * the table of connected clients. Must not know packets.
 */
import type { Client } from '../../../types/client/client.js'
import type { MaybePromise, SessionPersistence, StoredSubscription } from '../../../types/persistence.js'
import { AnaxError } from '../../errors.js'
import type { SessionSubscription } from '../../model/subscription.js'
import { willOf } from '../../model/will.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { Ports } from '../../ports/ports.js'
import { ReasonCode } from '../../reason-codes.js'
import type { Router } from '../../routing/router.js'
import { Session } from '../../session/session.js'
import type {
  Ending,
  OpenedSession,
  OpenRequest,
  SessionDirectory,
  SessionOwner,
} from '../../session/session-directory.js'
import { isSharedFilter } from '../../topic/topic.js'
import { isPromise } from '../../util/maybe-promise.js'
import { Aborter } from '../../util/scheduling/aborter.js'
import { Cost, type Fairness } from '../../util/scheduling/fairness.js'
import { Turns } from '../../util/scheduling/turns.js'
import type { QueueLimitRules } from '../publish/queue-limits.js'
import type { ConnectedClients } from './connected-clients.js'
import type { FailedWrites } from './failed-writes.js'
import { LostLease } from './lost-lease.js'
import type { Ownership } from './ownership.js'
import { SessionEnds } from './session-ends.js'
import type { SessionLimits } from './session-limits.js'
import { type SessionRecord, SessionRecords } from './session-records.js'
import type { Wills } from './wills.js'

export interface RegistryParts {
  store: SessionPersistence
  /** The table of connected clients, which only the registry changes. */
  connected: ConnectedClients
  router: Router
  wills: Wills
  failedWrites: FailedWrites
  queueLimits: QueueLimitRules
  events: EventSink
  fairness: Fairness
  /**
   * May prevent a takeover with an AnaxError. Each function returns what to call if the client it is taken from is
   * alive.
   */
  flapping: {
    takenOver(clientId: string, from: Client, by: Client): () => void
    takenElsewhere(clientId: string, from: Client): () => void
  }
  now: () => number
  options: { readonly maxConnections: number }
  sessionLimits: SessionLimits
  /** The dependencies of every session. */
  ports: Ports
  /** Called when something with a deadline was stored. */
  deadlineSet(): void
  /** Undefined if this process owns every session. */
  ownership: Ownership | undefined
}

const NO_SUBSCRIPTIONS: readonly StoredSubscription[] = []

/** A signal that is never aborted. */
const NEVER = new Aborter()

export class SessionRegistry implements SessionDirectory {
  /** Undefined if this process owns every session. */
  readonly lostLease: LostLease | undefined
  readonly #parts: RegistryParts
  #size = 0
  /** One change at a time for each client identifier. */
  readonly #turns = new Turns()
  /** Client identifier -> the connection that waits for its session. Only the newest of several waits. */
  readonly #waiting = new Map<string, SessionOwner>()
  readonly #ends: SessionEnds
  readonly #records: SessionRecords

  constructor(parts: RegistryParts) {
    this.#parts = parts
    this.#ends = new SessionEnds(parts, this.#turns)
    this.#records = new SessionRecords(parts, this.#ends)
    const { ownership, store, events, connected } = parts
    this.lostLease = ownership && new LostLease({ connected, turns: this.#turns, store, events, ownership })
  }

  /** The number of connected clients. */
  get size(): number {
    return this.#size
  }

  open(owner: SessionOwner, request: OpenRequest): MaybePromise<OpenedSession> {
    const { clientId, aborter } = request
    const mustWait = this.#turns.isTaken(clientId) || this.#parts.connected.has(clientId)
    return mustWait
      ? this.#openAfterOthers(owner, request)
      : this.#turns.take(clientId, () => this.#open(owner, request), aborter)
  }

  async #openAfterOthers(owner: SessionOwner, request: OpenRequest): Promise<OpenedSession> {
    const { clientId, aborter } = request
    const earlier = this.#waiting.get(clientId)
    this.#waiting.set(clientId, owner)
    // repeated connection attempts of one client do not queue up while its session is being released
    earlier?.refuse(new AnaxError('ANAX_ERR_TAKEN_OVER', { reasonCode: ReasonCode.ServerBusy }))
    try {
      return await this.#turns.take(clientId, () => this.#takeOver(owner, request), aborter)
    } finally {
      this.#stopWaiting(clientId, owner)
    }
  }

  /** Awaits only what is necessary, because thousands of clients may disconnect at once. */
  async release(owner: SessionOwner, ending: Ending): Promise<void> {
    const session = owner.session!
    const { router, ownership, fairness } = this.#parts
    const lives = session.stored && session.expiryInterval > 0
    // first, so that shared subscriptions no longer choose this client
    if (session.subscriptions.size > 0) {
      await fairness.each(session.subscriptions.values(), Cost.filter, subscription => {
        if (!lives) router.remove(subscription)
        else if (isSharedFilter(subscription.topic)) this.#suspendShared(subscription)
      })
    }
    if (lives) {
      // before its subscriptions end, so that no retained message is queued after a newer one of its topic
      await this.#records.attempt(() => session.queueReplays())
      await fairness.each(session.subscriptions.values(), Cost.filter, subscription => {
        if (!isSharedFilter(subscription.topic)) router.suspend(subscription)
      })
    }
    const detached = session.detach()
    const left = isPromise(detached) ? await detached : detached
    if (ownership === undefined) router.shared.redeliver(session.id, left)
    else ownership.giveBack(left.map(({ message }) => message))
    // another node owns the session now, and handles its will
    if (ownership?.owns(session.id) !== false) {
      const { will } = owner.client
      if (will !== undefined) await this.#records.attempt(() => this.#settleWill(owner.client, session, ending))
      if (session.stored) await this.#records.attempt(() => this.#records.close(session))
    }
    if (ownership !== undefined) await this.#records.attempt(() => this.#handOver(session.id))
    // last, because the next connection with this client identifier waits until everything is done
    this.#parts.connected.remove(session)
    this.#size--
  }

  /**
   * Hands a session over to another node. Resolves when its connection is closed, the session is written and this node
   * no longer owns it.
   */
  async letGo(clientId: string): Promise<void> {
    await this.#turns.take(clientId, async () => {
      const owner = this.#parts.connected.ownerOf(clientId)
      if (owner !== undefined) {
        const isAlive = this.#parts.flapping.takenElsewhere(clientId, owner.client)
        await owner.takeOver(new AnaxError('ANAX_ERR_TAKEN_OVER'), isAlive) // [MQTT-3.1.4-3]
      }
      await this.#handOver(clientId)
    })
  }

  /** Hands the session over: from now on any node may own it, and that node handles its will. */
  async #handOver(clientId: string): Promise<void> {
    const { ownership, wills } = this.#parts
    if (ownership === undefined) return
    wills.handedOver(clientId)
    await ownership.release(clientId)
  }

  /**
   * Handles a due will or expiry of a disconnected session, or a session whose node has failed. Rejects if the cluster
   * engine fails.
   */
  async processDue(clientId: string): Promise<void> {
    const { ownership } = this.#parts
    if (ownership === undefined) return
    await this.#turns.take(clientId, async () => {
      if (this.#parts.connected.has(clientId)) return
      // a client that is connected to another node must not be disturbed
      if (!(await ownership.claimIfFree(clientId))) return
      await this.#settleDue(clientId, ownership).finally(() => this.#handOver(clientId))
    })
  }

  /**
   * Ends a session for good, and the connection of its client before that. Rejects if the store fails.
   * @returns whether there was a session
   */
  async delete(clientId: string): Promise<boolean> {
    return this.#turns.take(clientId, async () => {
      const owner = this.#parts.connected.ownerOf(clientId)
      await owner?.takeOver(new AnaxError('ANAX_ERR_KICKED', { detail: 'the session was deleted' }))
      const { store, failedWrites, ownership } = this.#parts
      await ownership?.claim(clientId, NEVER)
      try {
        await failedWrites.retry(clientId)
        const stored = await store.openSession(clientId)
        if (stored !== undefined) await this.#ends.end(clientId, 'deleted')
        return owner !== undefined || stored !== undefined
      } finally {
        await this.#handOver(clientId)
      }
    })
  }

  /** Whether there are failed writes to retry. */
  get hasFailedWrites(): boolean {
    return !this.#parts.failedWrites.isEmpty
  }

  /** Retries the failed writes of clients that are not connected. */
  async retryFailedWrites(): Promise<void> {
    const { failedWrites } = this.#parts
    await this.#turns.takeEach(failedWrites.clients, itself, async clientId => {
      if (!this.#parts.connected.has(clientId)) await failedWrites.retry(clientId)
    })
  }

  /** Ends expired sessions. @returns whether there may be more */
  async endExpired(limit: number): Promise<boolean> {
    return this.#ends.endExpired(limit)
  }

  /** Publishes wills whose delay is over. @returns whether there may be more */
  async publishDueWills(limit: number): Promise<boolean> {
    return this.#parts.wills.publishDue(limit, this.#turns)
  }

  /** Opens a session after the connection that has it, if there is one. */
  async #takeOver(owner: SessionOwner, request: OpenRequest): Promise<OpenedSession> {
    const { clientId, aborter } = request
    const predecessor = this.#parts.connected.ownerOf(clientId)
    if (predecessor !== undefined) {
      const isAlive = this.#parts.flapping.takenOver(clientId, predecessor.client, owner.client)
      // [MQTT-3.1.4-3]
      await aborter.unlessAborted(predecessor.takeOver(new AnaxError('ANAX_ERR_TAKEN_OVER'), isAlive))
    }
    this.#stopWaiting(clientId, owner)
    return this.#open(owner, request)
  }

  /**
   * Counts the connection before any asynchronous step, so that simultaneous clients cannot exceed `maxConnections`.
   */
  #open(owner: SessionOwner, request: OpenRequest): MaybePromise<OpenedSession> {
    this.#reserveConnection()
    const { ownership } = this.#parts
    if (ownership !== undefined) return this.#connectOwned(owner, request, ownership)
    try {
      const opened = this.#connect(owner, request)
      return isPromise(opened) ? opened.catch(error => this.#giveUp(error)) : opened
    } catch (error) {
      return this.#giveUp(error)
    }
  }

  #giveUp(error: unknown): never {
    this.#size--
    throw error
  }

  /** Claims the session for this node before it is opened. If its previous node has failed, a will may be due. */
  async #connectOwned(owner: SessionOwner, request: OpenRequest, ownership: Ownership): Promise<OpenedSession> {
    const { clientId, aborter } = request
    try {
      await ownership.claim(clientId, aborter)
      const will = ownership.dueWill(clientId)
      if (will !== undefined) await this.#parts.wills.publishStored(clientId, will)
      return await this.#connect(owner, request)
    } catch (error) {
      this.#size--
      await this.#records.attempt(() => this.#handOver(clientId))
      throw error
    }
  }

  #connect(owner: SessionOwner, request: OpenRequest): MaybePromise<OpenedSession> {
    const record = this.#records.open(owner.client, request)
    return isPromise(record)
      ? record.then(later => this.#connected(owner, request, later))
      : this.#connected(owner, request, record)
  }

  #connected(
    owner: SessionOwner,
    { clientId, expiryInterval }: OpenRequest,
    { stored, details }: SessionRecord,
  ): OpenedSession {
    const { queueLimits, ports } = this.#parts
    const settings = { expiryInterval, stored: details !== undefined, limits: queueLimits.of(clientId), details }
    const session = new Session(clientId, settings, ports)
    if (stored !== undefined) session.restoreIncoming(stored.incoming)
    this.#parts.connected.add(owner, session)
    return { session, present: stored !== undefined, subscriptions: stored?.subscriptions ?? NO_SUBSCRIPTIONS }
  }

  /** Removes a connection from the waiting ones. */
  #stopWaiting(clientId: string, owner: SessionOwner): void {
    if (this.#waiting.get(clientId) === owner) this.#waiting.delete(clientId)
  }

  async #settleDue(clientId: string, ownership: Ownership): Promise<void> {
    const { store, now, wills } = this.#parts
    const will = ownership.dueWill(clientId)
    if (will !== undefined) await wills.publishStored(clientId, will)
    const stored = await store.openSession(clientId)
    if (stored?.expiresAt !== undefined && stored.expiresAt <= now()) await this.#ends.end(clientId, 'expired')
    else await ownership.keepQueue(clientId)
  }

  /** Suspends a shared subscription. In a cluster, messages for disconnected members stay in the group. */
  #suspendShared(subscription: SessionSubscription): void {
    const { router, ownership } = this.#parts
    if (ownership === undefined) router.suspend(subscription)
    else router.remove(subscription)
  }

  #reserveConnection(): void {
    const { maxConnections } = this.#parts.options
    if (this.#size >= maxConnections) {
      throw new AnaxError('ANAX_ERR_SERVER_BUSY', { detail: `${maxConnections} clients are connected` })
    }
    this.#size++
  }

  async #settleWill(client: Client, { id, expiryInterval }: Session, { will }: Ending): Promise<void> {
    const { wills } = this.#parts
    const stored = willOf(client)
    if (stored === undefined) return
    if (will === 'discard') await wills.discard(id)
    else await wills.connectionLost(client, stored, expiryInterval)
  }
}

/** The key of a client identifier is the identifier itself. */
function itself(clientId: string): string {
  return clientId
}
