/**
 * Which node of a cluster may change a session. A contract; a broker without a cluster has no ownership and owns every
 * session.
 */
import type { MessageRef, StoredWill } from '../../../types/persistence.js'

export interface Ownership {
  /**
   * Makes this node the owner of a client identifier: from then on the store has its session. May wait for another
   * node. Rejects with an AnaxError, 0x88 for the client.
   * @param giveUp aborts the claim; its signal is asked for only if the claim has to wait
   */
  claim(clientId: string, giveUp: Pick<AbortController, 'signal'>): Promise<void>
  /** The same, unless another node that is alive owns it. @returns whether this node owns it now */
  claimIfFree(clientId: string): Promise<boolean>
  /** Releases the client identifier after writing the session. Does nothing if this node does not own it. */
  release(clientId: string): Promise<void>
  /** Whether this node owns the session; ownership ends with the node's lease. */
  owns(clientId: string): boolean
  /** Copies the messages that an owned session has not received yet into the session, before the log discards them. */
  keepQueue(clientId: string): Promise<void>
  /** The will of an owned session, if it is due. */
  dueWill(clientId: string): StoredWill | undefined
  /** Returns unfinished messages of a shared subscription, for other members on any node. */
  giveBack(messages: readonly MessageRef[]): void
}
