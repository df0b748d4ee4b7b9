/**
 * The version of this package, from the one place where it stands: package.json.
 * Found by the package's own name, so that it does not matter where the compiled file lies.
 */
import { createRequire } from 'node:module'

export const VERSION: string = createRequire(import.meta.url)('anax/package.json').version
