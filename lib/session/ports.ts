/**
 * What the session layer asks of the layers above, as small interfaces that the broker hands in.
 * Contracts only: this file is why a session knows no broker, no router and no hook.
 */
import type { Client, ClientEvents } from '../../types/client.js'
import type { BrokerEvents } from '../../types/events.js'
import type { ConnectRefusal, ExtendedAuthentication, ExtendedVerdict } from '../../types/hooks.js'
import type { Message } from '../../types/message.js'
import type { BrokerOptions } from '../../types/options.js'
import type { ConnectPacket, Subscription, Will } from '../../types/packets.js'
import type {
  MatchedSubscription,
  MaybeAsyncIterable,
  MaybePromise,
  MessageRef,
  QueueDelivery,
  SessionPersistence,
  StoredSubscription,
} from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import type { Frame } from '../codec/wire/frame.js'
import type { Connection } from '../connection/connection.js'
import type { Flusher } from '../connection/outbox.js'
import type { Unsendable } from '../connection/packet-encoder.js'
import type { AnaxError } from '../errors.js'
import type { Delivery } from '../model/delivery.js'
import type { SessionSubscription } from '../model/subscription.js'
import type { Timers } from '../util/timers.js'
import type { Session } from './session.js'

type Gates = 'preConnect' | 'authenticate' | 'authenticateExtended' | 'authorizePublish' | 'authorizeSubscribe'
type Parts = 'mq' | 'persistence' | 'clock' | 'authorizeForward' | 'published'

/** Options with their defaults. */
export type ResolvedOptions = Required<Omit<BrokerOptions, Gates | Parts | 'queueLimits' | 'responseInformation'>> &
  Pick<BrokerOptions, 'queueLimits' | 'responseInformation'>

/**
 * The host's decisions. None of them throws or rejects; one that is undefined is not set, and lets pass.
 */
export interface Authorizer {
  readonly preConnect: ((client: Client, packet: ConnectPacket) => MaybePromise<ConnectRefusal | undefined>) | undefined
  readonly authenticate:
    | ((
        client: Client,
        username: string | undefined,
        password: Buffer | undefined,
      ) => MaybePromise<ConnectRefusal | undefined>)
    | undefined
  readonly authenticateExtended:
    | ((client: Client, authentication: ExtendedAuthentication) => MaybePromise<ExtendedVerdict>)
    | undefined
  /** @returns what to publish, or why not */
  readonly authorizePublish:
    | ((client: Client | null, message: PublishMessage) => MaybePromise<PublishMessage | AnaxError>)
    | undefined
  /** @returns what to grant, or why not */
  readonly authorizeSubscribe:
    | ((client: Client, subscription: Subscription) => MaybePromise<Subscription | AnaxError>)
    | undefined
  /** @returns what to forward; undefined withholds */
  readonly authorizeForward: ((client: Client, message: Message) => Message | undefined) | undefined
  readonly published: ((message: Message, client: Client | null) => MaybePromise<AnaxError | undefined>) | undefined
}

/** Where published messages go. */
export interface MessageSink {
  /** Finds the stored subscriptions that it is for. Throws or rejects with an AnaxError where it cannot be kept. */
  match(message: PublishMessage): MaybePromise<readonly MatchedSubscription[]>
  /**
   * Numbers the message; keeps it for later subscribers and for the stored sessions that {@link match} found.
   * To be called in the publisher's order: that of the queues follows from it. Throws or rejects with an AnaxError.
   */
  store(message: PublishMessage, matched: readonly MatchedSubscription[]): MaybePromise<void>
  /** It was stored and will not be routed after all: the bus will not bring what is in the queues already. */
  abandon(message: PublishMessage): void
  /** Hands it to the bus. Throws or rejects with an AnaxError. */
  route(message: PublishMessage): MaybePromise<void>
  /** Tells the host. */
  published(message: PublishMessage, client: Client | null): MaybePromise<AnaxError | undefined>
  /** Appends a message to one session's stored queue, outside of the routing. */
  enqueue(message: PublishMessage, delivery: QueueDelivery): MaybePromise<void>
  /** A session was sent a message from its stored queue: where it is not routed yet, it is not for that session any more. */
  sentFromQueue(ref: MessageRef, clientId: string): void
}

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

/** Live subscriptions. */
export interface SubscriptionRouter {
  /**
   * Makes it live; waits for the bus of the host to have its filter. Rejects with ANAX_ERR_BUS where the bus does not
   * take it: then it is live all the same, until it is removed.
   */
  add(subscription: SessionSubscription): MaybePromise<void>
  remove(subscription: SessionSubscription): void
  /** One of a session that was away is no more. */
  forget(subscription: { topic: string; clientId: string }): void
}

/** A message that a member of a shared subscription leaves behind. */
export interface SharedDelivery {
  message: Message
  share: string
}

export interface RetainedMessages {
  matching(filters: readonly string[]): MaybeAsyncIterable<Message>
}

/** Events for the host; a listener that throws is contained and reported. */
export interface EventSink {
  emit<Name extends keyof BrokerEvents>(name: Name, ...args: BrokerEvents[Name]): void
  /** The same for the events of one client. */
  emitFrom(client: Client, name: keyof ClientEvents): void
  /** Whether anybody listens, where an event is costly to make. */
  has(name: keyof BrokerEvents): boolean
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
