/** Loads the optional package `lmdb`. Its types must not appear in exported signatures: users may not have the package. */
import { AnaxError } from '../../../errors.js'

/**
 * Loads the package, as the type that the caller knows of it.
 * @throws AnaxError ANAX_ERR_OPTION if it is not installed
 */
export async function loadPackage<Package>(): Promise<Package> {
  try {
    return (await import('lmdb')) as Package
  } catch (cause) {
    const detail = 'the package lmdb is not installed (npm install lmdb)'
    throw new AnaxError('ANAX_ERR_OPTION', { detail, cause })
  }
}
