/** Optional packages: users install those of the parts that they use. Owns the error for a missing package. */
import { createRequire } from 'node:module'
import { AnaxError } from '../../index.js'

/**
 * Checks that a package can be loaded, when a module is created, not when the first client connects.
 * @throws AnaxError ANAX_ERR_OPTION
 */
export function demandPackage(name: string, purpose: string): void {
  // A CommonJS bundle has no URL: packages are then searched from the working folder.
  const { resolve } = createRequire(import.meta.url || `${process.cwd()}/`)
  try {
    resolve(name)
  } catch (cause) {
    // a bundle may contain the package
    if (canResolve(resolve, 'anax')) throw missingPackage(name, purpose, cause)
  }
}

/**
 * The error for a missing package. Bundlers tolerate a missing package if `await import()` is within `try`, so the
 * import is in the file that needs it.
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
