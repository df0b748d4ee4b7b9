/**
 * Turns a broker's refusals into errors. Owns the wording; knows no connection.
 */
import type { ConnackPacket, DisconnectPacket } from '../../types/message/packets.js'
import { AnaxError } from '../errors.js'

/** Reason codes from this one on are refusals and failures. */
export const REFUSED = 0x80

/** Return code before 5.0 -> reason code. */
const REASONS = [0, 0x84, 0x85, 0x88, 0x86, 0x87]

/** Undefined if the client was accepted. */
export function connectRefusal({ reasonCode, returnCode = 0, properties }: ConnackPacket): AnaxError | undefined {
  const code = reasonCode ?? REASONS[returnCode] ?? REFUSED
  return code < REFUSED ? undefined : refusal('ANAX_ERR_REFUSED', undefined, code, properties?.reasonString)
}

type RefusalCode = 'ANAX_ERR_REFUSED' | 'ANAX_ERR_PUBLISH_REFUSED' | 'ANAX_ERR_SUBSCRIBE_REFUSED'

/** The error for a refused request of the client. */
export function refusal(
  code: RefusalCode,
  about: string | undefined,
  reasonCode: number,
  reason: string | undefined,
): AnaxError {
  const parts = [about, hex(reasonCode), reason].filter(part => part !== undefined)
  return new AnaxError(code, { reasonCode, detail: parts.join(', ') })
}

/** The error for a DISCONNECT of the broker (5.0). */
export function serverDisconnect({ reasonCode = 0, properties }: DisconnectPacket): AnaxError {
  const parts = [hex(reasonCode), properties?.reasonString].filter(part => part !== undefined)
  return new AnaxError('ANAX_ERR_NOT_CONNECTED', {
    reasonCode,
    detail: `the broker sent DISCONNECT, ${parts.join(', ')}`,
  })
}

function hex(code: number): string {
  return `0x${code.toString(16).padStart(2, '0')}`
}
