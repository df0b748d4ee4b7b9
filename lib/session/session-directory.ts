/**
 * The port through which a connection opens and releases its session. A contract: the table of sessions, the store
 * and wills are not known here.
 */
import type { Client } from '../../types/client/client.js'
import type { MaybePromise, StoredSubscription, StoredWill } from '../../types/persistence.js'
import type { AnaxError } from '../errors.js'
import type { Aborter } from '../util/scheduling/aborter.js'
import type { Session } from './session.js'

/** Opens and releases sessions. */
export interface SessionDirectory {
  /**
   * Opens the session of an authenticated client: ends its earlier connection, then resumes or creates the session.
   * Throws or rejects with an AnaxError if the store fails.
   */
  open(owner: SessionOwner, request: OpenRequest): MaybePromise<OpenedSession>
  /** Called when the connection has ended: keeps or ends the session, and publishes, delays or deletes the will. */
  release(owner: SessionOwner, ending: Ending): MaybePromise<void>
}

/** The connection that has, or waits for, a session. */
export interface SessionOwner {
  /** The view for the host. */
  readonly client: Client
  /** Undefined until it is opened. */
  readonly session: Session | undefined
  /** When the client was accepted, in milliseconds since the epoch. */
  readonly connectedAt: number | undefined
  /** Messages for the client that were dropped while it was connected. */
  drops: number
  /**
   * Ends this connection, because the client has connected again. If its stream has ended already, the received packets
   * are handled first. Resolves once its session is released.
   * @param isAlive called if the client closes its end as well, and soon: so it was not lost
   */
  takeOver(error: AnaxError, isAlive?: () => void): Promise<void>
  /** Refuses a client whose CONNECT is not answered yet. */
  refuse(error: AnaxError): void
}

export interface OpenRequest {
  clientId: string
  /** When it was asked for, in milliseconds since the epoch: a session that has not expired then is resumed. */
  at: number
  clean: boolean
  /** Session expiry in seconds. */
  expiryInterval: number
  will: StoredWill | undefined
  /** Aborted when the connection ends. */
  aborter: Aborter
}

export interface OpenedSession {
  session: Session
  /** Whether an existing session was resumed [MQTT-3.2.2-2]. */
  present: boolean
  /** The subscriptions of a resumed session. They are not live yet. */
  subscriptions: readonly StoredSubscription[]
}

/** How a connection ended. */
export interface Ending {
  /** The will is published, unless the client sent DISCONNECT with reason code 0x00. */
  will: 'publish' | 'discard'
  /** The error that ended the connection, if one did. */
  reason: AnaxError | undefined
  /** The session expiry of the client's DISCONNECT, if it sent one. */
  reasonCode?: number
}
