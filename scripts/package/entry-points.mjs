/**
 * The entry points of the package, from `exports` of package.json. A new one is one line, `"./name":
 * "./lib/name/index.ts"`; the build replaces it with the compiled files of both formats.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))
const manifest = join(root, 'package.json')

/** The folder of each format. Types are exact for each: `require` finds CommonJS types. */
const FORMATS = { import: './dist', require: './dist/cjs' }

/** An entry point in package.json. */
export function conditionsOf(source) {
  const path = source.replace(/^\.\//, '').replace(/\.ts$/, '')
  const files = folder => ({ types: `${folder}/${path}.d.ts`, default: `${folder}/${path}.js` })
  return Object.fromEntries(Object.entries(FORMATS).map(([format, folder]) => [format, files(folder)]))
}

/** The source of an entry point; undefined for files that are not compiled, like package.json. */
export function sourceOf(entry) {
  if (typeof entry === 'string') return entry.endsWith('.ts') ? entry : undefined
  const { default: compiled = entry.default } = entry.import ?? {}
  return compiled.replace(/^\.\/dist\//, './').replace(/\.js$/, '.ts')
}

/** For TypeScript's `moduleResolution: node10`, which does not know `exports`: entry point -> CommonJS types. */
function typesByEntry(exports) {
  const entries = Object.entries(exports).filter(([name, entry]) => name !== '.' && entry.require !== undefined)
  return Object.fromEntries(entries.map(([name, { require }]) => [name.replace(/^\.\//, ''), [require.types]]))
}

/** Completes the entries of package.json that name a source or one format only, and returns all sources. */
export function completeEntryPoints() {
  const text = readFileSync(manifest, 'utf8')
  const content = JSON.parse(text)
  const sources = []
  for (const [name, entry] of Object.entries(content.exports)) {
    const source = sourceOf(entry)
    if (source === undefined) continue
    sources.push(source)
    content.exports[name] = conditionsOf(source)
  }
  content.typesVersions = { '*': typesByEntry(content.exports) }
  const complete = `${JSON.stringify(content, undefined, 2)}\n`
  if (complete !== text) writeFileSync(manifest, complete)
  return sources
}
