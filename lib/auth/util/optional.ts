/** Packages that are installed by whoever uses the part that needs them. Owns the sentence that says so. */
import { createRequire } from 'node:module'
import { AnaxError } from '../../index.js'

/**
 * Whether a package can be loaded: found out when a module is made, not when the first client comes.
 * @throws AnaxError ANAX_ERR_OPTION
 */
export function demandPackage(name: string, purpose: string): void {
  // A bundle in CommonJS has no URL of its own: packages are then looked for from the working folder.
  const { resolve } = createRequire(import.meta.url || `${process.cwd()}/`)
  try {
    resolve(name)
  } catch (cause) {
    const detail = `${purpose} needs the package '${name}': npm install ${name}`
    throw new AnaxError('ANAX_ERR_OPTION', { detail, cause })
  }
}
