/**
 * Which client is connected, and what becomes of its session: opened, taken over, kept, ended.
 * Owns the table of clients and the order of these steps for one client identifier; must not know packets.
 */
import type { SessionPersistence, StoredSession } from '../../types/persistence.js'
import { AnaxError, wrapError } from '../errors.js'
import type { Router } from '../routing/router.js'
import type { Connection } from '../session/connection.js'
import type { Ending, EventSink, OpenedSession, OpenRequest, Ports, SessionDirectory } from '../session/ports.js'
import { NEVER_EXPIRES, Session } from '../session/session.js'
import type { QueueLimitRules } from './queue-limits.js'
import type { Wills } from './wills.js'

export interface RegistryParts {
  store: SessionPersistence
  router: Router
  wills: Wills
  limits: QueueLimitRules
  events: EventSink
  now: () => number
  /** Of the options. */
  maxConnections: number
  /** What every session is given. */
  ports: () => Ports
  /** Something with a deadline was stored. */
  deadlineSet(): void
}

export class SessionRegistry implements SessionDirectory {
  /** Client identifier -> its connection. Without a prototype: the keys come from the network. */
  readonly connections: Record<string, Connection> = Object.create(null)
  readonly #parts: RegistryParts
  #size = 0
  /** Clients that came since the expired sessions were read, while those are being ended. */
  #reopened: Set<string> | undefined
  /** One change at a time for each client identifier. */
  readonly #locks = new Map<string, Promise<unknown>>()

  constructor(parts: RegistryParts) {
    this.#parts = parts
  }

  /** How many clients are connected. */
  get size(): number {
    return this.#size
  }

  /** Something was added to the stored queue of a client that may be connected. */
  read(clientId: string): void {
    this.connections[clientId]?.session?.outgoing?.readStored()
  }

  isConnected(clientId: string): boolean {
    return this.connections[clientId] !== undefined
  }

  async open(connection: Connection, request: OpenRequest): Promise<OpenedSession> {
    return this.#exclusively(request.clientId, () => this.#open(connection, request))
  }

  async release(connection: Connection, ending: Ending): Promise<void> {
    const session = connection.session!
    const { router, events } = this.#parts
    const left = await session.detach()
    const lives = session.stored && session.expiryInterval > 0
    for (const subscription of session.subscriptions.values()) {
      if (lives) router.rest(subscription)
      else router.remove(subscription)
    }
    router.redeliver(session.id, left)
    try {
      await this.#keepOrEnd(connection, session, ending)
    } catch (error) {
      events.emit('storeError', wrapError('ANAX_ERR_STORE', error))
    }
    // not before: who comes next with this client identifier waits for all of it
    delete this.connections[session.id]
    this.#size--
  }

  /** Ends sessions whose time is over. @returns whether there may be more */
  async endExpired(limit: number): Promise<boolean> {
    const reopened = new Set<string>()
    this.#reopened = reopened
    try {
      const expired = await this.#parts.store.expiredSessions(this.#parts.now(), limit)
      for (const clientId of expired) {
        await this.#exclusively(clientId, async () => {
          // its client may have come back while others were being ended, and may be gone again
          if (!this.isConnected(clientId) && !reopened.has(clientId)) await this.#end(clientId, 'expired')
        })
      }
      return expired.length === limit
    } finally {
      this.#reopened = undefined
    }
  }

  /** Publishes wills whose delay is over. @returns whether there may be more */
  async publishDueWills(limit: number): Promise<boolean> {
    return this.#parts.wills.publishDue(limit, (clientId, publish) => this.#exclusively(clientId, publish))
  }

  async #open(connection: Connection, request: OpenRequest): Promise<OpenedSession> {
    assertConnecting(connection)
    // [MQTT-3.1.4-3]
    await this.connections[request.clientId]?.dismiss(new AnaxError('ANAX_ERR_TAKEN_OVER'))
    assertConnecting(connection)
    this.#takePlace()
    try {
      return await this.#openSession(connection, request)
    } catch (error) {
      this.#size--
      throw error
    }
  }

  /** Counted before anything is waited for: many clients at once are as many as one after the other. */
  #takePlace(): void {
    const { maxConnections } = this.#parts
    if (this.#size >= maxConnections) {
      throw new AnaxError('ANAX_ERR_SERVER_BUSY', { detail: `${maxConnections} clients are connected` })
    }
    this.#size++
  }

  async #openSession(connection: Connection, request: OpenRequest): Promise<OpenedSession> {
    const { store, wills, limits, ports } = this.#parts
    const { clientId, clean, expiryInterval, will } = request
    this.#reopened?.add(clientId)
    const found = await store.openSession(clientId)
    const stored = found === undefined ? undefined : await this.#stillAlive(found, clean)
    if (stored !== undefined) await wills.discard(clientId) // [MQTT-3.1.3-9]
    const kept = stored !== undefined || expiryInterval > 0
    if (kept) await store.saveSession({ clientId, expiryInterval, expiresAt: undefined })
    if (will !== undefined) await wills.keep(clientId, will)
    const session = new Session(clientId, { expiryInterval, stored: kept, limits: limits.of(clientId) }, ports())
    session.restoreIncoming(stored?.incoming ?? [])
    this.connections[clientId] = connection
    return { session, present: stored !== undefined, subscriptions: stored?.subscriptions ?? [] }
  }

  /** The session if it is to be continued; otherwise it ends here. */
  async #stillAlive(stored: StoredSession, clean: boolean): Promise<StoredSession | undefined> {
    const expired = stored.expiresAt !== undefined && stored.expiresAt <= this.#parts.now()
    if (!clean && !expired) return stored
    await this.#end(stored.clientId, expired ? 'expired' : 'clean-start') // [MQTT-3.1.2-4]
    return undefined
  }

  async #keepOrEnd(connection: Connection, session: Session, { will }: Ending): Promise<void> {
    const { store, wills, now } = this.#parts
    const { id: clientId, expiryInterval, stored } = session
    if (connection.will !== undefined) {
      if (will === 'discard') await wills.discard(clientId)
      else await wills.connectionLost(connection, connection.will, expiryInterval)
    }
    if (!stored) return
    if (expiryInterval === 0) {
      await this.#end(clientId, 'disconnected')
      return
    }
    const expiresAt = expiryInterval === NEVER_EXPIRES ? undefined : now() + expiryInterval * 1000
    await store.saveSession({ clientId, expiryInterval, expiresAt })
    this.#parts.deadlineSet()
  }

  async #end(clientId: string, reason: 'expired' | 'clean-start' | 'disconnected'): Promise<void> {
    const { store, router, wills, events } = this.#parts
    await wills.sessionEnded(clientId)
    const subscriptions = (await store.subscriptionsByClient({ id: clientId })) ?? []
    for (const { topic } of subscriptions) router.forget({ topic, clientId })
    await router.rescue(store.queued(clientId), clientId)
    await store.deleteSession(clientId)
    events.emit('sessionEnded', clientId, reason)
  }

  async #exclusively<T>(clientId: string, change: () => Promise<T>): Promise<T> {
    const earlier = this.#locks.get(clientId)
    const mine = earlier === undefined ? change() : earlier.then(change, change)
    this.#locks.set(clientId, mine)
    try {
      return await mine
    } finally {
      if (this.#locks.get(clientId) === mine) this.#locks.delete(clientId)
    }
  }
}

/** A client that is gone before its turn came takes nobody's place. */
function assertConnecting({ connecting }: Connection): void {
  if (!connecting) throw new AnaxError('ANAX_ERR_STREAM', { detail: 'closed while connecting' })
}
