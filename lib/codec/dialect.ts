/**
 * The differences between the protocol versions in what a broker sends: one frozen object per version.
 * Owns the differences; must not know a connection. Handlers use the dialect and never compare versions.
 */
import type {
  ConnackPacket,
  ConnackProperties,
  DisconnectPacket,
  DisconnectProperties,
  ProtocolVersion,
} from '../../types/message/packets.js'
import { ReasonCode } from '../reason-codes.js'
import { brokerReasonCode } from './reason-code-table.js'

/** The answer to a CONNECT. */
export interface ConnectAnswer {
  reasonCode: number
  /** For MQTT 3.1 and 3.1.1; derived from the reason code if it is not given. */
  returnCode?: number | undefined
  sessionPresent: boolean
  properties?: ConnackProperties
}

export interface Dialect {
  readonly version: ProtocolVersion
  /** Undefined if the version has no code for the reason: the connection closes without CONNACK [MQTT-3.2.2-6]. */
  connack(answer: ConnectAnswer): ConnackPacket | undefined
  /** Undefined if a broker cannot send DISCONNECT in this version. */
  disconnect(reasonCode: number, properties?: DisconnectProperties): DisconnectPacket | undefined
  /** The reaction to a refused PUBLISH: an acknowledgement with an error code, or a disconnect [MQTT-3.3.5-2]. */
  readonly refusedPublish: 'acknowledge' | 'close'
  /** The code of one filter in SUBACK. */
  subackCode(reasonCode: number): number
  /** The codes of UNSUBACK. */
  unsubackCodes(reasonCodes: number[]): number[]
  /** Whether packets have properties, including reason strings and user properties. */
  readonly hasProperties: boolean
  /** Whether Session Expiry Interval determines the life of the session; otherwise only the clean session flag does. */
  readonly hasSessionExpiry: boolean
  /** Whether a client with an empty identifier may request a stored session. */
  readonly emptyIdMayKeepSession: boolean
  /** Whether the client identifier may be empty. */
  readonly emptyIdAllowed: boolean
  /** Longest client identifier in bytes. */
  readonly maxClientIdBytes: number
}

const RETURN_CODES: ReadonlyMap<number, number> = new Map<number, number>([
  [ReasonCode.Success, 0],
  [ReasonCode.UnsupportedProtocolVersion, 1],
  [ReasonCode.ClientIdentifierNotValid, 2],
  [ReasonCode.ServerUnavailable, 3],
  [ReasonCode.ServerBusy, 3],
  [ReasonCode.ServerShuttingDown, 3],
  [ReasonCode.QuotaExceeded, 3],
  [ReasonCode.UseAnotherServer, 3],
  [ReasonCode.ServerMoved, 3],
  [ReasonCode.ConnectionRateExceeded, 3],
  [ReasonCode.UnspecifiedError, 3],
  [ReasonCode.ImplementationSpecificError, 3],
  [ReasonCode.BadUserNameOrPassword, 4],
  [ReasonCode.NotAuthorized, 5],
  [ReasonCode.Banned, 5],
  [ReasonCode.BadAuthenticationMethod, 5],
])

/** SUBACK of 3.1.1 has 0x80 alone for every refusal [MQTT-3.9.3-2]. */
const SUBACK_FAILURE = 0x80

const v3: Omit<Dialect, 'version' | 'maxClientIdBytes' | 'subackCode' | 'emptyIdAllowed'> = {
  connack: ({ reasonCode, returnCode = RETURN_CODES.get(reasonCode), sessionPresent }) =>
    returnCode === undefined ? undefined : { cmd: 'connack', sessionPresent, returnCode },
  disconnect: () => undefined,
  refusedPublish: 'close',
  unsubackCodes: () => [],
  hasProperties: false,
  hasSessionExpiry: false,
  emptyIdMayKeepSession: false,
}

const mqtt31: Dialect = Object.freeze({
  ...v3,
  version: 3,
  // 3.1 has no session present flag, and defines no failure code for SUBACK; its clients understand 0x80 nevertheless
  connack: answer => v3.connack({ ...answer, sessionPresent: false }),
  subackCode: reasonCode => (reasonCode >= SUBACK_FAILURE ? SUBACK_FAILURE : reasonCode),
  emptyIdAllowed: false,
  maxClientIdBytes: 23,
} satisfies Dialect)

const mqtt311: Dialect = Object.freeze({
  ...v3,
  version: 4,
  subackCode: reasonCode => (reasonCode >= SUBACK_FAILURE ? SUBACK_FAILURE : reasonCode),
  emptyIdAllowed: true,
  maxClientIdBytes: 65_535,
} satisfies Dialect)

const mqtt5: Dialect = Object.freeze({
  version: 5,
  connack: ({ reasonCode, sessionPresent, properties }) => ({
    cmd: 'connack',
    sessionPresent,
    reasonCode: brokerReasonCode('connack', reasonCode),
    ...(properties && { properties }),
  }),
  disconnect: (reasonCode, properties) => ({
    cmd: 'disconnect',
    reasonCode: brokerReasonCode('disconnect', reasonCode),
    ...(properties && { properties }),
  }),
  refusedPublish: 'acknowledge',
  subackCode: reasonCode => brokerReasonCode('suback', reasonCode),
  unsubackCodes: reasonCodes => reasonCodes.map(code => brokerReasonCode('unsuback', code)),
  hasProperties: true,
  hasSessionExpiry: true,
  emptyIdMayKeepSession: true,
  emptyIdAllowed: true,
  maxClientIdBytes: 65_535,
} satisfies Dialect)

const DIALECTS: Record<ProtocolVersion, Dialect> = { 3: mqtt31, 4: mqtt311, 5: mqtt5 }

/** The dialect of a protocol version. */
export function dialectOf(version: ProtocolVersion): Dialect {
  return DIALECTS[version]
}
