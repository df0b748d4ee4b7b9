/**
 * Ends sessions for good: their wills, subscriptions, queues and stored records. Owns the steps, and which of them are
 * done if the store fails in between. Must not know connections.
 */
import type { SessionEndReason } from '../../../types/broker/events.js'
import type { SessionPersistence } from '../../../types/persistence.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { Router } from '../../routing/router.js'
import { Cost, type Fairness } from '../../util/scheduling/fairness.js'
import type { Turns } from '../../util/scheduling/turns.js'
import type { ConnectedClients } from './connected-clients.js'
import type { Ownership } from './ownership.js'
import type { Wills } from './wills.js'

/** Subscriptions that are deleted in one step. */
const PART = 100

export interface SessionEndParts {
  store: SessionPersistence
  connected: ConnectedClients
  router: Router
  wills: Wills
  events: EventSink
  fairness: Fairness
  now: () => number
  /** Undefined if this process owns every session. */
  ownership: Ownership | undefined
}

export class SessionEnds {
  readonly #parts: SessionEndParts
  readonly #turns: Turns
  /** Clients whose sessions have ended and are still in the store, because it failed to delete them. */
  readonly #unfinished = new Set<string>()
  /** Clients that connected since the list of expired sessions was read; set while these sessions are being ended. */
  #reopened: Set<string> | undefined

  /** @param turns one change at a time for each client identifier */
  constructor(parts: SessionEndParts, turns: Turns) {
    this.#parts = parts
    this.#turns = turns
  }

  /** Whether the session of a client has ended, and the store failed to delete it. */
  isUnfinished(clientId: string): boolean {
    return this.#unfinished.has(clientId)
  }

  /** Notes that the session of a client is being opened: it is no longer among the expired ones. */
  opening(clientId: string): void {
    this.#reopened?.add(clientId)
  }

  /** Rejects if the store fails; then it can be called again. */
  async end(clientId: string, reason: SessionEndReason): Promise<void> {
    const { store, router, wills, events, ownership } = this.#parts
    await wills.sessionEnded(clientId)
    const subscriptions = (await store.subscriptionsByClient({ id: clientId })) ?? []
    for (const { topic } of subscriptions) router.shared.leave({ topic, clientId })
    // a session on a log has no queue to empty
    if (ownership === undefined && !this.#unfinished.has(clientId)) {
      await router.shared.emptyQueue(store.queued(clientId), clientId)
    }
    this.#unfinished.add(clientId)
    await this.#delete(
      clientId,
      subscriptions.map(({ topic }) => topic),
    )
    this.#unfinished.delete(clientId)
    events.emit('sessionEnded', clientId, reason)
  }

  /** Takes as many turns of the event loop as needed for very many subscriptions. */
  async #delete(clientId: string, topics: readonly string[]): Promise<void> {
    const { store, fairness } = this.#parts
    await fairness.eachPart(topics.slice(PART), PART, async part => {
      fairness.spend(part.length * Cost.filter)
      await store.removeSubscriptions({ id: clientId }, part)
    })
    await fairness.admit(Math.min(topics.length, PART) * Cost.filter)
    await store.deleteSession(clientId)
  }

  /** @returns whether there may be more */
  async endExpired(limit: number): Promise<boolean> {
    const { store, connected, now } = this.#parts
    const reopened = new Set<string>()
    this.#reopened = reopened
    try {
      const expired = await store.expiredSessions(now(), limit)
      await this.#turns.takeEach(
        expired,
        clientId => clientId,
        async clientId => {
          // its client may have reconnected, and disconnected again, while others were being ended
          if (!connected.has(clientId) && !reopened.has(clientId)) await this.end(clientId, 'expired')
        },
      )
      return expired.length === limit
    } finally {
      this.#reopened = undefined
    }
  }
}
