/**
 * Handles the clients of a cluster node that has lost its lease: some are disconnected, the others stay and are claimed
 * again later. Must not know why the lease was lost.
 */
import type { SessionPersistence } from '../../../types/persistence.js'
import { AnaxError, wrapError } from '../../errors.js'
import { willOf } from '../../model/will.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import type { SessionOwner } from '../../session/session-directory.js'
import type { Turns } from '../../util/scheduling/turns.js'
import type { ConnectedClients } from './connected-clients.js'
import type { Ownership } from './ownership.js'

export interface LostLeaseParts {
  readonly connected: ConnectedClients
  /** One change at a time for each client identifier. */
  readonly turns: Turns
  readonly store: SessionPersistence
  readonly events: EventSink
  readonly ownership: Ownership
}

export class LostLease {
  readonly #parts: LostLeaseParts

  constructor(parts: LostLeaseParts) {
    this.#parts = parts
  }

  /** Disconnects clients. Resolves when their connections are closed. */
  async disconnect(error: AnaxError, policy: ResolvedOptions['lostLease']): Promise<void> {
    const leaving = [...this.#parts.connected.owners()].filter(owner => policy === 'disconnect' || hasState(owner))
    await Promise.all(leaving.map(owner => owner.takeOver(error)))
  }

  /**
   * Called when the node has a lease again: claims the clients that have stayed, and disconnects those that have
   * connected to another node.
   */
  async reclaim(): Promise<void> {
    const { connected, turns } = this.#parts
    const idOf = ({ client }: SessionOwner) => client.id
    await turns.takeEach([...connected.owners()], idOf, owner => this.#reclaim(owner))
  }

  async #reclaim(owner: SessionOwner): Promise<void> {
    const { connected, ownership, events } = this.#parts
    const { id } = owner.client
    if (ownership.owns(id) || connected.ownerOf(id) !== owner) return
    let isBack = false
    try {
      isBack = await this.#claimAgain(id)
    } catch (error) {
      events.emit('storeError', wrapError('ANAX_ERR_CLUSTER', error))
    }
    if (!isBack) await owner.takeOver(new AnaxError('ANAX_ERR_TAKEN_OVER'))
  }

  /**
   * @returns whether the client has not connected to another node meanwhile; if it has, there is a newer stored session
   */
  async #claimAgain(clientId: string): Promise<boolean> {
    const { ownership, store } = this.#parts
    return (await ownership.claimIfFree(clientId)) && (await store.openSession(clientId)) === undefined
  }
}

/** Whether the client has state that other nodes take over: a stored session, or a will. */
function hasState({ client, session }: SessionOwner): boolean {
  return session?.stored !== false || willOf(client) !== undefined
}
