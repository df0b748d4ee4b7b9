/**
 * The version of the package, looked for upwards: package.json lies elsewhere in each module format. A bundle has none
 * beside it, and its version is empty.
 */
import { existsSync, readFileSync } from 'node:fs'

export function packageVersion(): string {
  // in a CommonJS bundle, modules have no address
  if (!import.meta.url) return ''
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    const file = new URL('package.json', folder)
    const { version } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
    if (version !== undefined) return version
    if (folder.pathname === '/') return ''
  }
}
