/**
 * The hooks with which the host decides what clients may do. Contracts only.
 *
 * A hook answers in one of two styles. It returns its verdict or a promise of it; or it takes a callback as its last
 * parameter and calls that, as hooks of Aedes do. The number of declared parameters determines the style. An `async`
 * function that also takes the callback is refused when it is set. If a hook throws, rejects, does not answer within
 * `hookTimeoutMs` or answers with an unexpected value, the request is refused and the host gets a `hookError` event.
 */
import type { Client } from '../client/client.js'
import type { ClientLimits } from '../client/limits.js'
import type { Message } from '../message/message.js'
import type { AuthPacket, ConnectPacket, PublishPacket, Subscription, UserProperties } from '../message/packets.js'

/** A verdict, a promise of it, or nothing if the hook uses the callback. */
export type Verdict<T> = T | Promise<T> | void

/** Why a connection is refused. */
export interface ConnectRefusal {
  /** MQTT 5.0 reason code, from 0x80. @default 0x87, not authorized */
  reasonCode?: number
  /** MQTT 3.1 and 3.1.1 return code, 1 to 5. @default derived from the reason code */
  returnCode?: number
  /** The reason as text (5.0); also the detail of the error that the host receives. @default none */
  reasonString?: string
  /** Server reference, for 0x9C (use another server) and 0x9D (server moved). */
  serverReference?: string
  /** User properties of CONNACK (5.0). @default none */
  userProperties?: UserProperties
  /** A refusal never has it. */
  accept?: never
}

/** Accepts the client, with its own limits. */
export interface ConnectAcceptance {
  accept: true
  limits: ClientLimits
  reasonCode?: never
  returnCode?: never
}

/** An error with properties that determine how the refusal is answered. */
export type RefusalError = Error & ConnectRefusal

/**
 * Called first, for each well-formed CONNECT packet. The hook may modify the packet. Verdict: true to continue; false
 * or a refusal to reject the connection.
 */
export type PreConnectHandler = (
  client: Client,
  packet: ConnectPacket,
  callback: (error: RefusalError | null, success?: boolean) => void,
) => Verdict<boolean | ConnectRefusal>

/**
 * Checks user name and password. Verdict: true, or an acceptance with limits for this client, to accept it; false or a
 * refusal to reject it.
 */
export type AuthenticateHandler = (
  client: Client,
  username: string | undefined,
  password: Buffer | undefined,
  callback: (error: RefusalError | null, success?: boolean | ConnectAcceptance | null) => void,
) => Verdict<boolean | ConnectAcceptance | ConnectRefusal>

/**
 * One step of an enhanced authentication: continue with data for the client, succeed, or refuse. `limits` replace the
 * client's limits; without them, a re-authentication changes none.
 */
export type ExtendedVerdict =
  | { result: 'continue'; data?: Buffer; reasonString?: string; userProperties?: UserProperties }
  | {
      result: 'success'
      data?: Buffer
      reasonString?: string
      userProperties?: UserProperties
      limits?: ClientLimits
    }
  | ({ result: 'refuse' } & ConnectRefusal)

/** The input of one enhanced authentication step. */
export interface ExtendedAuthentication {
  /** The client's name for the method, for example `SCRAM-SHA-256`. */
  method: string
  /** The client's authentication data of this step. */
  data: Buffer | undefined
  /**
   * `connect` for the first step of a connection, `reauthenticate` for the first step of a re-authentication, otherwise
   * `continue`.
   */
  step: 'connect' | 'continue' | 'reauthenticate'
  /** The packet that carried the data: CONNECT in the step `connect`, otherwise AUTH. */
  packet: ConnectPacket | AuthPacket
}

/**
 * Called for each step of an enhanced authentication [MQTT 5.0, 4.12]. Without this hook, a client that names an
 * authentication method is refused with 0x8C.
 */
export type AuthenticateExtendedHandler = (
  client: Client,
  authentication: ExtendedAuthentication,
  callback: (error: RefusalError | null, verdict?: ExtendedVerdict) => void,
) => Verdict<ExtendedVerdict>

/** An error with which a callback refuses a message or a subscription. */
export type PacketRefusalError = Error & {
  /** MQTT 5.0 reason code, from 0x80. @default 0x87, not authorized */
  reasonCode?: number
  /** The reason as text (5.0). @default the message of the error */
  reasonString?: string
}

/** A refusal of one message, with the treatment of older clients. */
export interface PublishRefusal {
  /** MQTT 5.0 reason code, from 0x80. */
  refuse: number
  /** The reason as text (5.0). @default the message of the error */
  reasonString?: string
  /**
   * What happens to clients before 5.0, whose acknowledgements have no reason code: close the connection, or
   * acknowledge the message as if it had been published. @default 'disconnect'
   */
  olderClients?: 'disconnect' | 'acknowledge'
}

/**
 * Called for each PUBLISH, and for each will when it is published. For a will, `client` is the client that set it,
 * whose connection is closed; after a restart of the broker it has the identifier, and the `username` and `address`
 * that the store kept. The hook may modify the packet. Verdict: true publishes the packet; false refuses it with 0x87;
 * a number refuses it with that reason code; an object with `refuse` refuses it as described by {@link PublishRefusal};
 * any other object is published instead. Without this hook, topics below `$SYS/` are refused, except for the state of
 * bridges, and all others are allowed.
 */
export type AuthorizePublishHandler = (
  client: Client,
  packet: PublishPacket & { payload: Buffer; clientId?: string | undefined; username?: string | undefined },
  callback: (error?: PacketRefusalError | null) => void,
) => Verdict<boolean | number | PublishPacket | PublishRefusal>

/**
 * Called for each filter of a SUBSCRIBE, and for each subscription of a stored session when it is resumed. Verdict:
 * true grants the subscription; an object is granted instead (another QoS or filter); null or false refuses it with
 * 0x87 (0x80 before 5.0); a number refuses it with that reason code.
 */
export type AuthorizeSubscribeHandler = (
  client: Client,
  subscription: Subscription,
  callback: (error: PacketRefusalError | null, subscription?: Subscription | null) => void,
) => Verdict<boolean | number | Subscription | null>

/**
 * Called synchronously for each message and receiver. Returns true to forward the message as published, which is
 * encoded once for all receivers; a message to forward instead, which may be the given one, modified, because each
 * receiver has its own copy; or null, undefined or false to withhold it.
 */
export type AuthorizeForwardHandler = (client: Client, packet: Message) => Message | boolean | null | undefined | void

/**
 * Called for each message after it was routed and before the publisher gets its acknowledgement. A slow hook delays the
 * acknowledgement; a hook that fails prevents it.
 */
export type PublishedHandler = (
  packet: Message,
  client: Client | null,
  callback: (error?: Error | null) => void,
) => void | Promise<void>

/**
 * All hooks. Each can also be set as a property of the broker at any time. An unset hook allows everything, except that
 * clients cannot publish below `$SYS/` and cannot use enhanced authentication.
 */
export interface Hooks {
  /** Called first, for each CONNECT. Refusal: CONNACK 0x87, or the reason code of the refusal. */
  preConnect?: PreConnectHandler | null | undefined
  /** Checks user name and password of clients that name no authentication method. Refusal: as above. */
  authenticate?: AuthenticateHandler | null | undefined
  /** Called for each authentication step of clients that name a method. */
  authenticateExtended?: AuthenticateExtendedHandler | null | undefined
  /** Called for each PUBLISH of a client, and for wills. Refusal: 0x87; before 5.0 the connection is closed. */
  authorizePublish?: AuthorizePublishHandler | null | undefined
  /** Called for each filter of a SUBSCRIBE and of a resumed session. Refusal: 0x87 (0x80 before 5.0). */
  authorizeSubscribe?: AuthorizeSubscribeHandler | null | undefined
  /**
   * Called synchronously for each message and receiver. Refusal: this receiver does not get the message, and a `drop`
   * event says so.
   */
  authorizeForward?: AuthorizeForwardHandler | null | undefined
  /**
   * Called for each message that was stored and routed. If it fails, the publisher gets no successful acknowledgement.
   */
  published?: PublishedHandler | null | undefined
}
