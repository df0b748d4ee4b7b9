/**
 * The version of this package, from package.json. The file is found by the package's name, so it does not matter where
 * the compiled file is.
 */
import { createRequire } from 'node:module'

export const VERSION: string = createRequire(import.meta.url)('anax/package.json').version
