/** Checks an argument that must be a broker, for callers without types. Knows only that a broker has methods. */
import { AnaxError } from '../errors.js'

/**
 * Throws unless a value is a broker. For functions that take a broker: any other value would fail much later, with an
 * error that does not say why.
 * @param broker the value
 * @param method of a broker, which the value must have
 * @throws AnaxError ANAX_ERR_ARGUMENT
 */
export function checkBroker(broker: unknown, method = 'handle'): void {
  if (typeof broker === 'object' && broker !== null && method in broker) return
  throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `the first argument has to be a broker, got ${kindOf(broker)}` })
}

function kindOf(value: unknown): string {
  if (value instanceof Promise) return 'a promise: await createBroker()'
  if (typeof value === 'object' && value !== null) return 'an object without its methods'
  return value === null ? 'null' : typeof value
}
