/**
 * The table of connected clients: by identifier, in order, and counted. Must not know how sessions begin and end.
 */
import type { Client } from '../../../types/client/client.js'
import type { Session } from '../../session/session.js'
import type { SessionOwner } from '../../session/session-directory.js'
import { SortedNames } from '../../util/collections/sorted-names.js'

export class ConnectedClients {
  /** Client identifier -> connected client. Without a prototype: the keys come from the network. */
  readonly byId: Record<string, Client> = Object.create(null)
  /**
   * Client identifier -> its connection. Not a Map, because V8 keeps the old tables of a Map that grows and shrinks,
   * and the connections in them, until a full garbage collection.
   */
  readonly #owners: Record<string, SessionOwner> = Object.create(null)
  readonly #names = new SortedNames()
  #maximum = 0
  #stored = 0

  /** The highest number of clients connected at the same time. */
  get maximum(): number {
    return this.#maximum
  }

  /** The number of connected clients with a stored session. */
  get stored(): number {
    return this.#stored
  }

  /** The connection of a client. */
  ownerOf(clientId: string): SessionOwner | undefined {
    return this.#owners[clientId]
  }

  has(clientId: string): boolean {
    return this.#owners[clientId] !== undefined
  }

  /** Called when a message was added to the stored queue of a client: sends it if the client is connected. */
  read(clientId: string, bytes?: number): void {
    this.#owners[clientId]?.session?.readStored(bytes)
  }

  owners(): Iterable<SessionOwner> {
    return Object.values(this.#owners)
  }

  /** The identifiers that follow the given one, in the order of their UTF-8 bytes. */
  after(clientId: string | undefined, limit: number): string[] {
    return this.#names.after(clientId, limit)
  }

  add(owner: SessionOwner, { id, stored }: Session): void {
    this.byId[id] = owner.client
    this.#owners[id] = owner
    this.#names.add(id)
    this.#maximum = Math.max(this.#maximum, this.#names.size)
    if (stored) this.#stored++
  }

  remove({ id, stored }: Session): void {
    delete this.byId[id]
    delete this.#owners[id]
    this.#names.delete(id)
    if (stored) this.#stored--
  }
}
