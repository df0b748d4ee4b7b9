/**
 * The gates through which a host decides what clients may do. Contracts only.
 *
 * A gate answers in one of two styles. It may return its verdict, or a promise of it; or it takes the
 * callback that stands last in its parameters and answers there, as Aedes's hooks do. The style is told
 * from the number of declared parameters. An `async` function that also takes the callback is refused
 * when it is set. A throw, a rejection, no answer in `hookTimeoutMs` and an answer of the wrong kind are
 * refusals, and the host gets a `hookError` event.
 */
import type { Client } from './client.js'
import type { Message } from './message.js'
import type { AuthPacket, ConnectPacket, PublishPacket, Subscription, UserProperties } from './packets.js'

/** A verdict, a promise of it, or nothing where the callback is used. */
export type Verdict<T> = T | Promise<T> | void

/** Why a connection is refused. */
export interface ConnectRefusal {
  /** MQTT 5.0 reason code, from 0x80. @default 0x87, not authorized */
  reasonCode?: number
  /** MQTT 3.1 and 3.1.1 return code, 1 to 5. @default what fits the reason code */
  returnCode?: number
  /** Why, in words (5.0); also the detail of the error that the host is told. @default none */
  reasonString?: string
  /** Goes with 0x9C (use another server) and 0x9D (server moved). */
  serverReference?: string
  /** Whatever else the client is to know (5.0). @default none */
  userProperties?: UserProperties
}

/** An error may say how a refusal is answered. */
export type RefusalError = Error & ConnectRefusal

/**
 * Asked first, when a CONNECT packet arrived and is well-formed. The packet may be modified.
 * Verdict: true to go on; false or a refusal to end it.
 */
export type PreConnectHandler = (
  client: Client,
  packet: ConnectPacket,
  callback: (error: RefusalError | null, success?: boolean) => void,
) => Verdict<boolean | ConnectRefusal>

/** Asked for user name and password. Verdict: true to let the client in; false or a refusal to keep it out. */
export type AuthenticateHandler = (
  client: Client,
  username: string | undefined,
  password: Buffer | undefined,
  callback: (error: RefusalError | null, success?: boolean | null) => void,
) => Verdict<boolean | ConnectRefusal>

/** One step of an enhanced authentication: go on with data for the client, succeed, or refuse. */
export type ExtendedVerdict =
  | { result: 'continue'; data?: Buffer; reasonString?: string; userProperties?: UserProperties }
  | { result: 'success'; data?: Buffer; reasonString?: string; userProperties?: UserProperties }
  | ({ result: 'refuse' } & ConnectRefusal)

/** What an enhanced authentication step is told. */
export interface ExtendedAuthentication {
  /** What the client calls the method, `SCRAM-SHA-256` for instance. */
  method: string
  /** What the client sent with this step. */
  data: Buffer | undefined
  /** `connect` for the first step of a connection, `reauthenticate` for the first of a later one, else `continue`. */
  step: 'connect' | 'continue' | 'reauthenticate'
  /** The packet that it came in: CONNECT in the step `connect`, AUTH otherwise. */
  packet: ConnectPacket | AuthPacket
}

/**
 * Asked for each step of an enhanced authentication [MQTT 5.0, 4.12]. Where it is not set, a client
 * that names an authentication method is refused with 0x8C.
 */
export type AuthenticateExtendedHandler = (
  client: Client,
  authentication: ExtendedAuthentication,
  callback: (error: RefusalError | null, verdict?: ExtendedVerdict) => void,
) => Verdict<ExtendedVerdict>

/** A refusal of one message that says more than its code. */
export interface PublishRefusal {
  /** MQTT 5.0 reason code, from 0x80. */
  refuse: number
  /**
   * What clients before 5.0 get, which cannot be told: the connection is closed, or the message is acknowledged as if it
   * had been published. @default 'disconnect'
   */
  olderClients?: 'disconnect' | 'acknowledge'
}

/**
 * Asked for each PUBLISH, and for a will when it is published: with the client that left it, which is closed by then.
 * Where the broker was restarted meanwhile, that client has the identifier, and of `username` and `address` what the store
 * kept. The packet may be modified in place. Verdict: true publishes it as it is now; false refuses with
 * 0x87; a number refuses with that reason code, an object with `refuse` as it says; another object is published instead.
 * Unset, topics below `$SYS/` are refused.
 */
export type AuthorizePublishHandler = (
  client: Client,
  packet: PublishPacket & { payload: Buffer; clientId?: string | undefined; username?: string | undefined },
  callback: (error?: (Error & { reasonCode?: number }) | null) => void,
) => Verdict<boolean | number | PublishPacket | PublishRefusal>

/**
 * Asked for each filter of a SUBSCRIBE, and for those of a stored session when it is resumed.
 * Verdict: true grants it; an object is granted instead (another QoS, another filter); null or false
 * refuses it with 0x87 (0x80 before 5.0), a number with that reason code.
 */
export type AuthorizeSubscribeHandler = (
  client: Client,
  subscription: Subscription,
  callback: (error: (Error & { reasonCode?: number }) | null, subscription?: Subscription | null) => void,
) => Verdict<boolean | number | Subscription | null>

/**
 * Asked for each message and receiver, synchronously. Returns true to forward it as it was published, so that it is
 * encoded once for all receivers; a message to forward instead (it may be the one given, changed: it is this receiver's own
 * copy); or null, undefined or false to withhold it.
 */
export type AuthorizeForwardHandler = (client: Client, packet: Message) => Message | boolean | null | undefined | void

/**
 * Told of each message that was published and routed, before it is acknowledged to its publisher:
 * a hook that takes its time holds its publisher back, and one that fails withholds the acknowledgement.
 */
export type PublishedHandler = (
  packet: Message,
  client: Client | null,
  callback: (error?: Error | null) => void,
) => void | Promise<void>

/** All gates; each may also be set as a property of the broker, at any time. */
export interface Hooks {
  /** Asked first, for each CONNECT. Refusal: CONNACK 0x87, or what it says. */
  preConnect?: PreConnectHandler | null | undefined
  /** Asked for user name and password of clients that name no authentication method. Refusal: the same. */
  authenticate?: AuthenticateHandler | null | undefined
  /** Asked for each step of those that name one. */
  authenticateExtended?: AuthenticateExtendedHandler | null | undefined
  /** Asked for each PUBLISH of a client, and for wills. Refusal: 0x87; before 5.0 the connection is closed. */
  authorizePublish?: AuthorizePublishHandler | null | undefined
  /** Asked for each filter of a SUBSCRIBE, and of a session that is resumed. Refusal: 0x87 (0x80 before 5.0). */
  authorizeSubscribe?: AuthorizeSubscribeHandler | null | undefined
  /** Asked for each message and receiver, synchronously. Refusal: this receiver does not get it; a `drop` event. */
  authorizeForward?: AuthorizeForwardHandler | null | undefined
  /** Told of each message that was stored and routed. If it fails, no success is acknowledged. */
  published?: PublishedHandler | null | undefined
}
