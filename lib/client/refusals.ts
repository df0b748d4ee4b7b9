/**
 * Turns a broker's refusals into errors. Owns the wording; knows no connection.
 */
import type { ConnackPacket, DisconnectPacket } from '../../types/packets.js'
import { AnaxError } from '../errors.js'

/** Reason codes from here on are refusals and failures. */
export const REFUSED = 0x80

/** Before 5.0 a return code tells; it means what a reason code does. */
const REASONS = [0, 0x84, 0x85, 0x88, 0x86, 0x87]

/** Undefined if the client was accepted. */
export function connectRefusal({ reasonCode, returnCode = 0, properties }: ConnackPacket): AnaxError | undefined {
  const code = reasonCode ?? REASONS[returnCode] ?? REFUSED
  return code < REFUSED ? undefined : refusal('ANAX_ERR_REFUSED', undefined, code, properties?.reasonString)
}

type RefusalCode = 'ANAX_ERR_REFUSED' | 'ANAX_ERR_PUBLISH_REFUSED' | 'ANAX_ERR_SUBSCRIBE_REFUSED'

/** A refusal of something that the client asked for. */
export function refusal(
  code: RefusalCode,
  about: string | undefined,
  reasonCode: number,
  reason: string | undefined,
): AnaxError {
  const parts = [about, hex(reasonCode), reason].filter(part => part !== undefined)
  return new AnaxError(code, { reasonCode, detail: parts.join(', ') })
}

/** The broker ended the connection, and said why (5.0). */
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
