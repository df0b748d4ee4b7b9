/**
 * Loads the optional package `lmdb`. Its types must not appear in exported signatures: users may not have the package.
 */
import { AnaxError, textOf } from '../../../errors.js'

/**
 * Loads the package, as the type that the caller expects.
 * @throws AnaxError ANAX_ERR_OPTION if it is not installed, or not for this platform
 */
export async function loadPackage<Package>(): Promise<Package> {
  try {
    return (await import('lmdb')) as Package
  } catch (cause) {
    throw new AnaxError('ANAX_ERR_OPTION', { detail: whyNot(cause), cause })
  }
}

function whyNot(cause: unknown): string {
  const [reason = ''] = textOf(cause).split('\n')
  // it may also be one of the packages that lmdb needs
  if (/^Cannot find (package|module) '(.*[\\/])?lmdb([\\/]index\.js)?'/.test(reason))
    return 'the package lmdb is not installed (npm install lmdb)'
  const help = 'if node_modules comes from another machine or platform, delete it and run npm install on this one'
  return `the package lmdb is installed and cannot be loaded: ${reason} (${help})`
}
