/**
 * What a session and a connection are given, and how they reach each other.
 * Contracts only: this file is why a session knows no broker, no router and no hook.
 */
import type { Client } from '../../types/client.js'
import type { Will } from '../../types/packets.js'
import type { SessionPersistence, StoredSubscription } from '../../types/persistence.js'
import type { Frame } from '../codec/wire/frame.js'
import type { Connection } from '../connection/connection.js'
import type { Flusher } from '../connection/outbox.js'
import type { Unsendable } from '../connection/packet-encoder.js'
import type { AnaxError } from '../errors.js'
import type { Delivery } from '../model/delivery.js'
import type { Authorizer } from '../ports/authorizer.js'
import type { EventSink } from '../ports/event-sink.js'
import type { MessageSink } from '../ports/message-sink.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'
import type { RetainedMessages } from '../ports/retained-messages.js'
import type { SubscriptionRouter } from '../ports/subscription-router.js'
import type { Timers } from '../util/timers.js'
import type { Session } from './session.js'

/** Where a session comes from and what becomes of it. */
export interface SessionDirectory {
  /**
   * Opens the session of a client that was let in: ends its other connection, resumes or begins anew.
   * Rejects with an AnaxError when the store fails.
   */
  open(connection: Connection, request: OpenRequest): Promise<OpenedSession>
  /** The connection is over: the session waits for its client, or ends; the will is taken care of. */
  release(connection: Connection, ending: Ending): Promise<void>
}

export interface OpenRequest {
  clientId: string
  clean: boolean
  /** Seconds. */
  expiryInterval: number
  will: Will | undefined
  /** The connection ends: nothing is waited for any longer. */
  signal: AbortSignal
}

export interface OpenedSession {
  session: Session
  /** Whether there was one, which is continued [MQTT-3.2.2-2]. */
  present: boolean
  /** The subscriptions that the store kept. */
  subscriptions: StoredSubscription[]
}

/** How a connection ended. */
export interface Ending {
  /** Whether the will is due: everything but a DISCONNECT 0x00 of the client. */
  will: 'publish' | 'discard'
  /** Why, for what the session's end depends on. */
  reason: AnaxError | undefined
}

/** The way to the client, as a session sees it. */
export interface Link {
  readonly client: Client
  /** Whether the stream takes more at the moment. */
  readonly ready: boolean
  /** Encodes a copy for this client, or says why it cannot be sent. */
  frame(delivery: Delivery, attempt: 'first' | 'again'): Frame | Unsendable
  /** The frame of a PUBREL. */
  release(): Frame
  write(frame: Frame, packetId: number): void
  /** Ends the connection. */
  fail(error: AnaxError): void
}

/** Everything a connection is given. */
export interface Ports {
  readonly options: ResolvedOptions
  readonly authorizer: Authorizer
  readonly sink: MessageSink
  readonly sessions: SessionDirectory
  readonly router: SubscriptionRouter
  readonly retained: RetainedMessages
  readonly store: SessionPersistence
  readonly events: EventSink
  readonly timers: Timers
  readonly flusher: Flusher
  /** Nothing of a connection is left. */
  closed(connection: Connection): void
  /** Whether the broker takes this client: there is room, or it takes the place of its own older connection. */
  hasRoomFor(clientId: string): boolean
  /** What a client that asks for response information is told. */
  responseInformation(client: Client): string | undefined
}
