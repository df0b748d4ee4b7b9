/**
 * What is said when a package is missing that only some applications need. Bundlers leave out a package that is not
 * installed where `await import()` is within `try`; so the import is in the file that needs it.
 */
import { AnaxError } from '../index.js'

/** @param what the feature that needs the package */
export function notInstalled(name: string, what: string, cause: unknown): AnaxError {
  return new AnaxError('ANAX_ERR_LISTEN', { detail: `${what} needs the package ${name}: npm install ${name}`, cause })
}
