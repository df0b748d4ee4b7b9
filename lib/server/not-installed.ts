/**
 * The error for an optional package that is not installed. Bundlers tolerate a missing package if `await import()` is
 * within `try`, so the import is in the file that needs it.
 */
import { AnaxError } from '../index.js'

/** @param what the feature that needs the package */
export function notInstalled(name: string, what: string, cause: unknown): AnaxError {
  return new AnaxError('ANAX_ERR_LISTEN', { detail: `${what} needs the package ${name}: npm install ${name}`, cause })
}
