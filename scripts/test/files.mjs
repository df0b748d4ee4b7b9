/**
 * The compiled test files, and which of them are quick: those that neither start a process nor open a store on disk.
 * Knows files and their imports, and nothing of the tests.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const built = join(root, 'dist/test')

/** What a quick file must not load, directly or through support files. */
const SLOW = /^(node:)?(child_process|lmdb|esbuild)$|\/persistence\/lmdb\//

/** Tests of several nodes, which take long without starting a process. The fast form leaves them out. */
const SEVERAL_NODES = /\/test\/(cluster\/|testing\/memory-cluster)/

/** A file without a short form. */
const LONG = /-long\.test\.js$/

/**
 * Lists test files as paths from the root of the repository.
 *
 * @param words keeps those whose path contains one of the words; none keeps all
 * @param form `fast` keeps quick files, without those of several nodes; `full` adds those that have no short form, as a
 *   word does that names one
 */
export function findTestFiles(words, form) {
  return (existsSync(built) ? readdirSync(built, { recursive: true }) : [])
    .filter(file => file.endsWith('.test.js'))
    .filter(file =>
      words.length === 0 ? form === 'full' || !LONG.test(file) : words.some(word => file.includes(word)),
    )
    .map(file => relative(root, join(built, file)))
    .filter(file => form !== 'fast' || (isQuick(file) && !SEVERAL_NODES.test(file)))
    .sort()
}

/** @param file a compiled test file, as a path from the root of the repository */
export function isQuick(file) {
  return loadsNothingSlow(join(root, file), new Set())
}

function loadsNothingSlow(file, seen) {
  if (seen.has(file)) return true
  seen.add(file)
  const imports = [...readFileSync(file, 'utf8').matchAll(/\bfrom '([^']+)'|\bimport\(?\s*'([^']+)'/g)]
  return imports
    .map(([, from, called]) => from ?? called)
    .every(specifier => {
      if (SLOW.test(specifier)) return false
      const target = join(dirname(file), specifier)
      return !specifier.startsWith('.') || !target.startsWith(built) || loadsNothingSlow(target, seen)
    })
}
