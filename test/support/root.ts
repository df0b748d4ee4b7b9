/** The root of the repository, from the compiled tests in dist/test/support. */
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
