/** Why a connection ended, as a stable name. Owns the mapping from errors to reasons; must not know what follows. */
import type { Disconnection, DisconnectReason } from '../../types/broker/events.js'
import type { AnaxError, ErrorCode } from '../errors.js'
import { ReasonCode } from '../reason-codes.js'
import type { Ending } from '../session/session-directory.js'

/** The reason for each error; any other error is a protocol error of the client. */
const REASONS: Partial<Record<ErrorCode, DisconnectReason>> = {
  ANAX_ERR_STREAM: 'stream-error',
  ANAX_ERR_KEEP_ALIVE: 'keep-alive',
  ANAX_ERR_TAKEN_OVER: 'takeover',
  ANAX_ERR_KICKED: 'administrative',
  ANAX_ERR_SHUTTING_DOWN: 'shutdown',
  ANAX_ERR_DRAINING: 'shutdown',
  ANAX_ERR_DRAIN_TIMEOUT: 'drain-timeout',
  ANAX_ERR_NOT_AUTHORIZED: 'not-authorized',
  ANAX_ERR_CREDENTIALS: 'not-authorized',
  ANAX_ERR_AUTH_METHOD: 'not-authorized',
  ANAX_ERR_AUTH_FAILED: 'not-authorized',
  ANAX_ERR_PUBLISH_REFUSED: 'not-authorized',
  ANAX_ERR_SUBSCRIBE_REFUSED: 'not-authorized',
  ANAX_ERR_QUOTA: 'limit',
  ANAX_ERR_SERVER_BUSY: 'limit',
  ANAX_ERR_OVERLOADED: 'limit',
  ANAX_ERR_RECEIVE_MAXIMUM: 'limit',
  ANAX_ERR_MESSAGE_RATE: 'limit',
  ANAX_ERR_PACKET_TOO_LARGE: 'limit',
  ANAX_ERR_STORE: 'failure',
  ANAX_ERR_BUS: 'failure',
  ANAX_ERR_CLUSTER: 'failure',
  ANAX_ERR_FENCED: 'failure',
  ANAX_ERR_HOOK_FAILED: 'failure',
  ANAX_ERR_HOOK_TIMEOUT: 'failure',
  ANAX_ERR_HOOK_ANSWER: 'failure',
  ANAX_ERR_SERVER_UNAVAILABLE: 'failure',
}

/** How a connection ended, for the host. */
export function disconnectionOf({ reason, reasonCode }: Ending): Disconnection {
  if (reasonCode !== undefined) return { reason: 'client', code: undefined, reasonCode, detail: byClient(reasonCode) }
  if (reason !== undefined) return byError(reason)
  const detail = 'the stream ended without a DISCONNECT'
  return { reason: 'stream-closed', code: undefined, reasonCode: ReasonCode.UnspecifiedError, detail }
}

function byClient(reasonCode: number): string {
  return reasonCode === ReasonCode.NormalDisconnection
    ? 'the client disconnected'
    : `the client disconnected with reason code 0x${reasonCode.toString(16).padStart(2, '0')}`
}

function byError({ code, reasonCode, message }: AnaxError): Disconnection {
  return { reason: REASONS[code] ?? 'protocol-error', code, reasonCode, detail: message }
}
