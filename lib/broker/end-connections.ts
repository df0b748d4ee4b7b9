/**
 * Ends all connections when the broker closes: received packets are processed, then clients are disconnected, then
 * streams are destroyed. Owns the time limit of each step; must not know the store and the bus.
 */
import type { Connection } from '../connection/connection.js'
import { AnaxError } from '../errors.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'
import { keepProcessAlive } from '../util/scheduling/process-alive.js'
import { Timer, type Timers } from '../util/scheduling/timers.js'

/** How long to wait for hooks that have not answered: one of them may be waiting for the broker to close. */
const HOOK_GRACE_MS = 2000

/** The broker as this part sees it. */
export interface ClosingParts {
  readonly options: ResolvedOptions
  readonly timers: Timers
  readonly connections: Iterable<Connection>
  readonly authorizer: { abandonAll(): void }
  /** The host's own messages. */
  readonly own: { idle(): Promise<void> }
}

/** Each step takes at most `closeTimeoutMs`. */
export async function endConnections(parts: ClosingParts): Promise<void> {
  const { timers, options } = parts
  const connections = [...parts.connections]
  const letEnd = keepProcessAlive()
  await timers.within(options.closeTimeoutMs, finishReceived(parts, connections))
  const goodbye = new AnaxError('ANAX_ERR_SHUTTING_DOWN')
  const ended = connections.map(async connection => {
    await connection.disconnect(goodbye)
    await connection.stream.closed()
  })
  await timers.within(options.closeTimeoutMs, Promise.all(ended))
  for (const connection of connections) connection.stream.destroy()
  letEnd()
}

async function finishReceived(
  { timers, authorizer, own }: ClosingParts,
  connections: readonly Connection[],
): Promise<void> {
  const timer = new Timer(() => authorizer.abandonAll())
  timers.schedule(timer, HOOK_GRACE_MS)
  await Promise.all([own.idle(), ...connections.map(connection => connection.stopReading())])
  timers.cancel(timer)
}
