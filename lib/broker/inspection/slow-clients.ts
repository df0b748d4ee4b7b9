/**
 * Finds the clients with the most waiting messages. Reads the counts of the queues; must not know why messages wait.
 */
import type { SlowClient } from '../../../types/broker/inspection.js'
import { AnaxError } from '../../errors.js'
import type { Waiting } from '../../model/metering/congestion.js'

const MAX_LIMIT = 1000

/**
 * Keeps only the slowest so far while it examines all clients: sorting a hundred thousand would block the event loop.
 * @throws AnaxError ANAX_ERR_ARGUMENT
 */
export function slowest(all: Iterable<Waiting>, limit: number): SlowClient[] {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `limit: an integer from 1 to ${MAX_LIMIT}, not ${limit}` })
  }
  const found: Waiting[] = []
  for (const waiting of all) {
    if (found.length === limit && waiting.messages <= found.at(-1)!.messages) continue
    const place = found.findIndex(({ messages }) => messages < waiting.messages)
    found.splice(place === -1 ? found.length : place, 0, waiting)
    if (found.length > limit) found.pop()
  }
  return found.map(({ clientId, messages, bytes }) => ({ clientId, waiting: { messages, bytes } }))
}
