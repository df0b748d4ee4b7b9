/** Checks arguments, for callers without types. Knows no option. */
import { AnaxError } from '../index.js'

/**
 * Checks the broker now; otherwise a stream would fail much later, in the host's process.
 * @throws AnaxError ANAX_ERR_ARGUMENT
 */
export function checkBroker(broker: unknown): void {
  if (typeof broker === 'object' && broker !== null && 'handle' in broker) return
  throw argumentError(`the first argument has to be a broker, got ${kindOf(broker)}`)
}

export function argumentError(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_ARGUMENT', { detail })
}

export function kindOf(value: unknown): string {
  if (value instanceof Promise) return 'a promise: await createBroker()'
  return value === null ? 'null' : typeof value
}
