/** Limits how many streams may be open, those before CONNECT included. Owns the limit; must not know clients. */
import type { Connection } from '../../connection/connection.js'
import { AnaxError } from '../../errors.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'

/**
 * The least number of streams that may be open beyond `maxConnections`. They make it possible to refuse a client in
 * CONNACK, and a client that takes over its own session needs a second stream for a moment.
 */
const SPARE_STREAMS = 16

/** Ends a new connection if there are too many. @param open how many there are with it */
export function endIfTooMany(connection: Connection, open: number, { maxConnections }: ResolvedOptions): void {
  if (open <= maxConnections + Math.max(SPARE_STREAMS, maxConnections / 10)) return
  connection.fail(new AnaxError('ANAX_ERR_SERVER_BUSY', { detail: `${open} streams are open` }))
  connection.stream.destroy()
}
