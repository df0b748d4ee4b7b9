/**
 * The connection as the outgoing path sees it. A contract: the stream and the connection's state are not known here.
 */
import type { Client } from '../../../types/client/client.js'
import type { Frame } from '../../codec/wire/frame.js'
import type { AnaxError } from '../../errors.js'
import type { Delivery } from '../../model/delivery.js'

/** Why a message cannot be sent to a client. */
export type Unsendable = 'packet-too-large' | 'not-encodable'

export interface Link {
  readonly client: Client
  /** Whether the client is connected and its stream takes more at the moment. */
  readonly ready: boolean
  /** Encodes a PUBLISH for this client, or says why it cannot be sent. */
  frame(delivery: Delivery, attempt: 'first' | 'again'): Frame | Unsendable
  write(frame: Frame, packetId: number): void
  /** Ends the connection because of an error. */
  fail(error: AnaxError): void
}
