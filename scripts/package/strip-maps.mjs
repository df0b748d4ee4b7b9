/**
 * Removes the source maps of compiled files, and the comments that refer to them: the package contains none. Call: node
 * scripts/package/strip-maps.mjs FOLDER. The next build creates them again.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [, , folder] = process.argv
const REFERENCE = /\n?\/\/# sourceMappingURL=\S+\s*$/

for (const file of readdirSync(folder, { recursive: true })) {
  const path = join(folder, file)
  if (file.endsWith('.map')) rmSync(path)
  else if (/\.(js|d\.ts)$/.test(file)) strip(path)
}

function strip(path) {
  const text = readFileSync(path, 'utf8')
  if (REFERENCE.test(text)) writeFileSync(path, text.replace(REFERENCE, '\n'))
}
