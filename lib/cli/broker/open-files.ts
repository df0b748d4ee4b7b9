/**
 * How many clients fit into the process's limit of open files. Node.js closes a connection for which no descriptor is
 * left and tells nobody; `maxConnections` refuses a client with a reason, an event and a log line. Knows Linux only,
 * where the limit can be read.
 */
import { readFileSync } from 'node:fs'

/** Descriptors of Node.js itself, the store, listeners and log, with some to spare. */
const OTHER_FILES = 64

/** The broker keeps a tenth of the connections beyond `maxConnections`, to refuse clients on them. */
const SPARE_SHARE = 1.1

/** Clients that can be connected at once; infinite if the system does not say. */
export function clientsThatFit(): number {
  try {
    return clientsWithin(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** @param limits the text of /proc/self/limits */
export function clientsWithin(limits: string): number {
  const soft = /^Max open files +(\d+)/m.exec(limits)?.[1]
  if (soft === undefined) return Number.POSITIVE_INFINITY
  return Math.max(1, Math.floor((Number(soft) - OTHER_FILES) / SPARE_SHARE))
}
