/** The version of the package, looked for upwards: package.json lies elsewhere in each module format. */
import { existsSync, readFileSync } from 'node:fs'

export function packageVersion(): string {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    const file = new URL('package.json', folder)
    const { version } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
    if (version !== undefined) return version
    if (folder.pathname === '/') return ''
  }
}
