/**
 * Which process may change a session. A contract, for brokers that are nodes of a cluster: a broker for itself has none, and
 * owns every session.
 */
import type { MessageRef, StoredWill } from '../../../types/persistence.js'

export interface Ownership {
  /**
   * Makes this node the owner of a client identifier: from then on the store has its session. May wait for another node.
   * @param signal gives up
   * Rejects with an AnaxError, 0x88 for the client.
   */
  claim(clientId: string, signal: AbortSignal): Promise<void>
  /** Gives the client identifier back; the session is written by then. One that is not owned any more is no error. */
  release(clientId: string): Promise<void>
  /** Whether this node owns it, which ends with the node's lease. */
  owns(clientId: string): boolean
  /** The will of an owned session, if it is due. */
  dueWill(clientId: string): StoredWill | undefined
  /** A member of a shared subscription leaves these behind: other members get them, here or elsewhere. */
  giveBack(messages: readonly MessageRef[]): void
}
