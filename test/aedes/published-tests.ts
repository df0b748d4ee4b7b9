/**
 * Runs the published test files of a package of Aedes, unchanged, on `anax/aedes`: their import of the broker is
 * replaced. Each file runs in its own process. Reads the results; does not know which are expected.
 */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { endWithUs } from '../support/programs/left-behind.js'
import { ROOT } from '../support/root.js'

/** Many of these tests wait for only 10 ms: their clock is slowed down by this factor, for busy machines. */
const SLOWNESS = 5

/** Time limit of a test: the longest of Aedes's own tests that waits for something takes four seconds. */
const PATIENCE_MS = 6000 * SLOWNESS

/** Time limit of a test that is known to fail. */
const NO_PATIENCE_MS = 2000

/** Time limit of a file that does not end; the results until then count. */
const FILE_PATIENCE_MS = 60_000 * SLOWNESS

/** The ports that they name. */
const PORTS = [1883, 4883]

/** Loaded before the tests. */
const LOADED = ['slow-clock', 'own-ports'].flatMap(name => [
  '--import',
  pathToFileURL(join(ROOT, `dist/test/support/${name}.js`)).href,
])
const LAYER = pathToFileURL(join(ROOT, 'dist/lib/aedes/index.js')).href

/** Imports of the files -> their replacements. */
const REPLACEMENTS: Record<string, string> = {
  '../aedes.js': `export * from '${LAYER}'; export { default } from '${LAYER}'`,
  // they check `instanceof`
  '../lib/client.js': `export { AedesClient as default } from '${LAYER}'`,
}

/** Tests of a file that are treated differently. */
export interface Special {
  /** Known to fail: they run with a short time limit. */
  failing: readonly string[]
  /** The names of tests that are skipped. */
  left: readonly RegExp[]
}

/** Limits the time of each test, as their own runner did. */
const timedTests = ({ failing, left }: Special) => `
import real from 'node:test?real'
export * from 'node:test?real'
const failing = ${JSON.stringify(failing)}
const left = [${left.join()}]
const timed = declare => Object.assign((name, options, body) => {
  if (left.some(each => each.test(name))) return
  const timeout = failing.includes(name) ? ${NO_PATIENCE_MS} : ${PATIENCE_MS}
  return typeof options === 'function'
    ? declare(name, { timeout }, options)
    : declare(name, { timeout, ...options }, body)
}, declare)
export const test = timed(real)
export { test as default }`

const hooks = (special: Special) => `
const replacements = ${JSON.stringify(REPLACEMENTS)}
export async function resolve(specifier, context, next) {
  if (specifier === 'node:test?real') return next('node:test', context)
  const source = specifier === 'node:test' ? ${JSON.stringify(timedTests(special))} : replacements[specifier]
  const isAsked = source !== undefined && /\\/aedes[^/]*\\/test\\/[^/]*$/.test(context.parentURL ?? '')
  return isAsked ? { url: dataUrl(source), shortCircuit: true } : next(specifier, context)
}
const dataUrl = source => 'data:text/javascript,' + encodeURIComponent(source)`

/** Files about internal modules of Aedes, and one that needs a program that is not installed. */
const NOT_PUBLIC = /toxiproxy-node-client|runFall, batch/

/** The results of one file's tests, without skipped ones. */
export interface FileResult {
  file: string
  passed: string[]
  failed: string[]
}

/** The files of a package whose tests use (nearly) only its public interface. */
export function testFilesOf(packageName: string): string[] {
  const folder = join(dirname(createRequire(import.meta.url).resolve(packageName)), 'test')
  return readdirSync(folder)
    .filter(name => name.endsWith('.js') && name !== 'helper.js')
    .map(name => join(folder, name))
    .filter(file => !NOT_PUBLIC.test(readFileSync(file, 'utf8')))
}

export async function runTestFile(file: string, special: Special): Promise<FileResult> {
  const register = `import { register } from 'node:module'; register(${JSON.stringify(dataUrl(hooks(special)))})`
  const args = [...LOADED, '--import', dataUrl(register), '--test-force-exit', '--test-reporter=tap', file]
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...ownProcess(), ANAX_TEST_SLOWNESS: String(SLOWNESS), ANAX_TEST_PORTS: PORTS.join() },
    timeout: FILE_PATIENCE_MS,
    killSignal: 'SIGKILL',
  })
  endWithUs(child)
  return { file: file.split('/').at(-1)!, ...resultOf(await text(child.stdout)) }
}

/** @param output of a test file, as TAP */
export function resultOf(output: string): Omit<FileResult, 'file'> {
  const named = (pattern: RegExp) =>
    [...output.matchAll(pattern)].map(([, name]) => name!.replaceAll('\\#', '#').trim())
  const isFile = (name: string) => name.endsWith('.js')
  return {
    passed: named(/^ok \d+ - (?!.* # SKIP)(.*)$/gm).filter(name => !isFile(name)),
    failed: named(/^not ok \d+ - (.*)$/gm).filter(name => !isFile(name)),
  }
}

/** Reason -> file -> titles. */
export type Known = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>

/** @param file only tests of this file; all if omitted */
export function namesOf(known: Known, file?: string): string[] {
  return Object.values(known).flatMap(byFile =>
    Object.entries(byFile).flatMap(([each, tests]) => (file === undefined || each === file ? tests : [])),
  )
}

/** An environment in which a test file runs as a main program and prints TAP. */
export function ownProcess(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return env
}

function dataUrl(source: string): string {
  return `data:text/javascript,${encodeURIComponent(source)}`
}
