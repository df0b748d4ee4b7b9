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
    // a bundle may contain the package
    if (canResolve(resolve, 'anax')) throw missingPackage(name, purpose, cause)
  }
}

/**
 * What is said when a package is missing. Bundlers leave out a package that is not installed where `await import()` is
 * within `try`; so the import is in the file that needs it.
 */
export function missingPackage(name: string, purpose: string, cause: unknown): AnaxError {
  return new AnaxError('ANAX_ERR_OPTION', {
    detail: `${purpose} needs the package '${name}': npm install ${name}`,
    cause,
  })
}

function canResolve(resolve: NodeJS.RequireResolve, name: string): boolean {
  try {
    resolve(name)
    return true
  } catch {
    return false
  }
}
