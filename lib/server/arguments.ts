/** Checks arguments, for callers without types. Knows no option. */
import { AnaxError } from '../index.js'

export function argumentError(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_ARGUMENT', { detail })
}

export function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}
