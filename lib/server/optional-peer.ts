/** Loads optional packages on first use, with an error that says what to install. */
import { AnaxError } from '../index.js'

/**
 * @param what the feature that needs the package, for the error message
 * @throws AnaxError ANAX_ERR_LISTEN if the package is not installed
 */
export async function optionalPeer<T>(name: string, what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    throw new AnaxError('ANAX_ERR_LISTEN', { detail: `${what} needs the package ${name}: npm install ${name}`, cause })
  }
}
