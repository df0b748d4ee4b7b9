/**
 * The catalogue of all errors: a stable code, the MQTT reason code, the scope and the message. docs/embed/errors.md has
 * the same rows, and a test compares them. Knows no packet, no client and no broker.
 */
import { ReasonCode } from './reason-codes.js'

/**
 * The effect of an error: `connection` closes the connection, `packet` refuses one packet and keeps the connection
 * open, `host` is thrown or rejected to the caller in the host application.
 */
export type ErrorScope = 'connection' | 'packet' | 'host'

type Row = readonly [reasonCode: number, scope: ErrorScope, message: string]

/** Code -> [reason code, scope, message]. */
export const ERRORS = {
  // The codec
  ANAX_ERR_MALFORMED: [ReasonCode.MalformedPacket, 'connection', 'Malformed packet'],
  ANAX_ERR_PROTOCOL: [ReasonCode.ProtocolError, 'connection', 'Protocol error'],
  ANAX_ERR_PACKET_TOO_LARGE: [ReasonCode.PacketTooLarge, 'connection', 'Packet larger than its receiver accepts'],
  ANAX_ERR_PROTOCOL_VERSION: [
    ReasonCode.UnsupportedProtocolVersion,
    'connection',
    'Protocol name or level not supported',
  ],
  // Connecting
  ANAX_ERR_CONNECT_TIMEOUT: [ReasonCode.UnspecifiedError, 'connection', 'No CONNECT packet arrived in time'],
  ANAX_ERR_CLIENT_ID: [ReasonCode.ClientIdentifierNotValid, 'connection', 'Invalid client identifier'],
  ANAX_ERR_CREDENTIALS: [ReasonCode.BadUserNameOrPassword, 'connection', 'Bad user name or password'],
  ANAX_ERR_NOT_AUTHORIZED: [ReasonCode.NotAuthorized, 'connection', 'Not authorized to connect'],
  ANAX_ERR_AUTH_METHOD: [ReasonCode.BadAuthenticationMethod, 'connection', 'Authentication method not supported'],
  ANAX_ERR_AUTH_FAILED: [ReasonCode.NotAuthorized, 'connection', 'Enhanced authentication failed'],
  ANAX_ERR_SERVER_UNAVAILABLE: [
    ReasonCode.ServerUnavailable,
    'connection',
    'The broker cannot open the session at the moment',
  ],
  ANAX_ERR_SERVER_BUSY: [ReasonCode.ServerBusy, 'connection', 'The maximum number of clients is connected'],
  ANAX_ERR_OVERLOADED: [ReasonCode.ServerBusy, 'connection', 'The broker is overloaded'],
  ANAX_ERR_CONNECT_RATE: [ReasonCode.ConnectionRateExceeded, 'connection', 'Too many connects in a short time'],
  ANAX_ERR_AUTH_DELAY: [
    ReasonCode.ConnectionRateExceeded,
    'connection',
    'Too many failed authentications from this address',
  ],
  ANAX_ERR_BANNED: [ReasonCode.Banned, 'connection', 'This client identifier is banned from this address for a time'],
  // A connection's life
  ANAX_ERR_KEEP_ALIVE: [
    ReasonCode.KeepAliveTimeout,
    'connection',
    'No packet received within 1.5 times the keep alive',
  ],
  ANAX_ERR_TAKEN_OVER: [ReasonCode.SessionTakenOver, 'connection', 'Another connection took the session over'],
  ANAX_ERR_SHUTTING_DOWN: [ReasonCode.ServerShuttingDown, 'connection', 'The broker is shutting down'],
  ANAX_ERR_DRAINING: [ReasonCode.UseAnotherServer, 'connection', 'The broker is draining: use another server'],
  ANAX_ERR_KICKED: [ReasonCode.AdministrativeAction, 'connection', 'Disconnected by the host'],
  ANAX_ERR_HANDSHAKE: [
    ReasonCode.UnspecifiedError,
    'connection',
    'The connection ended in a handshake before MQTT: TLS, HTTP or PROXY protocol',
  ],
  ANAX_ERR_STREAM: [ReasonCode.UnspecifiedError, 'connection', 'The stream failed'],
  ANAX_ERR_DRAIN_TIMEOUT: [ReasonCode.UnspecifiedError, 'connection', 'The client did not read its data in time'],
  ANAX_ERR_RECEIVE_MAXIMUM: [
    ReasonCode.ReceiveMaximumExceeded,
    'connection',
    'More unacknowledged messages than the Receive Maximum',
  ],
  ANAX_ERR_MESSAGE_RATE: [ReasonCode.MessageRateTooHigh, 'connection', 'Above the rate for too long'],
  ANAX_ERR_TOPIC_ALIAS: [ReasonCode.TopicAliasInvalid, 'connection', 'Topic alias out of range'],
  ANAX_ERR_RETAIN_NOT_SUPPORTED: [ReasonCode.RetainNotSupported, 'connection', 'Retained messages are turned off'],
  ANAX_ERR_QOS_NOT_SUPPORTED: [ReasonCode.QoSNotSupported, 'connection', 'QoS above the maximum'],
  ANAX_ERR_SHARED_NOT_SUPPORTED: [
    ReasonCode.SharedSubscriptionsNotSupported,
    'packet',
    'Shared subscriptions are turned off',
  ],
  ANAX_ERR_SUBSCRIPTION_ID_NOT_SUPPORTED: [
    ReasonCode.SubscriptionIdentifiersNotSupported,
    'connection',
    'Subscription identifiers are turned off',
  ],
  ANAX_ERR_WILDCARD_NOT_SUPPORTED: [
    ReasonCode.WildcardSubscriptionsNotSupported,
    'packet',
    'Wildcard subscriptions are turned off',
  ],
  // One packet
  ANAX_ERR_PUBLISH_REFUSED: [ReasonCode.NotAuthorized, 'packet', 'Publishing to this topic is not authorized'],
  ANAX_ERR_SUBSCRIBE_REFUSED: [ReasonCode.NotAuthorized, 'packet', 'Subscribing to this filter is not authorized'],
  ANAX_ERR_TOPIC_NAME: [ReasonCode.TopicNameInvalid, 'packet', 'Invalid topic name'],
  ANAX_ERR_TOPIC_FILTER: [ReasonCode.TopicFilterInvalid, 'packet', 'Invalid topic filter'],
  ANAX_ERR_PAYLOAD_FORMAT: [
    ReasonCode.PayloadFormatInvalid,
    'packet',
    'The payload is not valid UTF-8, although its format indicator says so',
  ],
  ANAX_ERR_PAYLOAD: [ReasonCode.PayloadFormatInvalid, 'packet', 'The payload does not match the schema of its topic'],
  ANAX_ERR_QUOTA: [ReasonCode.QuotaExceeded, 'packet', 'A limit of the broker is reached'],
  ANAX_ERR_STORE: [ReasonCode.UnspecifiedError, 'packet', 'The store failed'],
  ANAX_ERR_BUS: [ReasonCode.UnspecifiedError, 'packet', 'The bus failed'],
  // Several nodes
  ANAX_ERR_CLUSTER: [ReasonCode.ServerUnavailable, 'packet', 'The engine of the cluster failed'],
  ANAX_ERR_FENCED: [ReasonCode.ServerUnavailable, 'connection', 'The lease of this node has ended'],
  // Hooks
  ANAX_ERR_HOOK_FAILED: [ReasonCode.ImplementationSpecificError, 'packet', 'A hook threw or rejected'],
  ANAX_ERR_HOOK_TIMEOUT: [ReasonCode.ImplementationSpecificError, 'packet', 'A hook did not answer in time'],
  ANAX_ERR_HOOK_ANSWER: [ReasonCode.ImplementationSpecificError, 'packet', 'A hook gave an invalid answer'],
  ANAX_ERR_LISTENER: [ReasonCode.UnspecifiedError, 'host', 'A listener of a broker event threw'],
  // The host
  ANAX_ERR_OPTION: [ReasonCode.UnspecifiedError, 'host', 'Invalid option'],
  ANAX_ERR_HOOK_STYLE: [ReasonCode.UnspecifiedError, 'host', 'Invalid hook'],
  ANAX_ERR_CLOSED: [ReasonCode.ServerShuttingDown, 'host', 'The broker is closed'],
  ANAX_ERR_NOT_LISTENING: [ReasonCode.ServerUnavailable, 'host', 'The broker was not started: await broker.listen()'],
  ANAX_ERR_NOT_CONNECTED: [ReasonCode.UnspecifiedError, 'host', 'The client is not connected'],
  ANAX_ERR_ARGUMENT: [ReasonCode.UnspecifiedError, 'host', 'Invalid argument'],
  ANAX_ERR_REFUSED: [ReasonCode.NotAuthorized, 'host', 'The broker refused the connection'],
  ANAX_ERR_NO_SUBSCRIBERS: [ReasonCode.UnspecifiedError, 'host', 'No subscription matches the topic'],
  ANAX_ERR_TIMEOUT: [ReasonCode.UnspecifiedError, 'host', 'No answer came in time'],
  ANAX_ERR_STORE_FORMAT: [
    ReasonCode.UnspecifiedError,
    'host',
    'The store was written by another version or is damaged',
  ],
  ANAX_ERR_LISTEN: [ReasonCode.UnspecifiedError, 'host', 'Cannot listen'],
} as const satisfies Record<string, Row>

/** The stable code of an error; match on this, never on the message. */
export type ErrorCode = keyof typeof ERRORS

/** Optional details of an error. */
export interface ErrorDetail {
  /** Appended to the catalogue's message. */
  detail?: string
  /** Replaces the catalogue's reason code, where a hook chose one. */
  reasonCode?: number
  /** The reason string for the peer instead of the message, if a hook chose one. */
  reasonString?: string
  /** Replaces the catalogue's scope, if the effect differs from the usual one. */
  scope?: ErrorScope
  /** The original error. */
  cause?: unknown
}

/** Every error that Anax emits, throws or rejects with. */
export class AnaxError extends Error {
  override readonly name = 'AnaxError'
  /** Stable; documented in docs/embed/errors.md. */
  readonly code: ErrorCode
  /** The MQTT 5.0 reason code that the peer gets, or would get if its version had reason codes. */
  readonly reasonCode: number
  /** The effect of the error: see {@link ErrorScope}. */
  readonly scope: ErrorScope
  /** The Reason String (5.0) that a hook chose; undefined where the peer is told the message. */
  readonly reasonString: string | undefined

  constructor(code: ErrorCode, { detail, reasonCode, reasonString, scope, cause }: ErrorDetail = {}) {
    const [standardReason, standardScope, message] = ERRORS[code]
    super(detail === undefined ? message : `${message}: ${detail}`, cause === undefined ? undefined : { cause })
    this.code = code
    this.reasonCode = reasonCode ?? standardReason
    this.scope = scope ?? standardScope
    this.reasonString = reasonString
  }

  /**
   * Recognizes errors by their code, because one process may contain several copies of this package: a module and a
   * CommonJS build, or two releases. For derived classes, `instanceof` works as usual.
   */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: for a class that extends this one, `this` is that class
    if (this !== AnaxError) return Function.prototype[Symbol.hasInstance].call(this, value)
    return value instanceof Error && 'code' in value && /^ANAX_ERR_/.test(String(value.code))
  }
}

/** Failures inside the host, whose details must not be sent to clients. */
const INTERNAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ANAX_ERR_STORE',
  'ANAX_ERR_BUS',
  'ANAX_ERR_CLUSTER',
  'ANAX_ERR_FENCED',
  'ANAX_ERR_HOOK_FAILED',
  'ANAX_ERR_SERVER_UNAVAILABLE',
])

/**
 * The reason string for the peer: the one that a hook chose, or the message. For a failure inside the host it is only
 * the catalogue's message, without the detail.
 */
export function explanationOf({ code, message, reasonString }: AnaxError): string {
  return reasonString ?? (INTERNAL.has(code) ? ERRORS[code][2] : message)
}

/** Whether an operation failed only because a limit was reached. */
export function isQuotaError(error: unknown): boolean {
  return error instanceof AnaxError && error.code === 'ANAX_ERR_QUOTA'
}

/** The text of a thrown value. Never throws, even if converting the value to a string does. */
export function textOf(value: unknown): string {
  if (value instanceof Error) return value.message
  try {
    return String(value)
  } catch {
    return typeof value
  }
}

/** Wraps a value thrown by a hook, store, bus or stream in an {@link AnaxError}, with the value as its cause. */
export function wrapError(code: ErrorCode, cause: unknown): AnaxError {
  if (cause instanceof AnaxError) return cause
  return new AnaxError(code, { detail: textOf(cause), cause })
}
