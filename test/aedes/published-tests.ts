/**
 * Runs the test files that a package of Aedes was published with, as they are, on `anax/aedes`: what they import as the
 * broker is ours. Each file is a process of its own. Knows how to read what they say; not what is expected of them.
 */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { endWithUs } from '../support/programs/left-behind.js'
import { ROOT } from '../support/root.js'

/**
 * Many of these tests wait for 10 ms and no longer: their clock is slower by this, which gives a busy machine its time.
 */
const SLOWNESS = 5

/** A test that hangs is given up: the longest of Aedes's own that has to wait for something takes four seconds. */
const PATIENCE_MS = 6000 * SLOWNESS

/** One that is known to fail is not waited for. */
const NO_PATIENCE_MS = 2000

/** A file that does not end: whatever of it has run by then counts. */
const FILE_PATIENCE_MS = 60_000 * SLOWNESS

const SLOW_CLOCK = pathToFileURL(join(ROOT, 'dist/test/support/slow-clock.js')).href
const LAYER = pathToFileURL(join(ROOT, 'dist/lib/aedes/index.js')).href

/** What the files import from beside them -> what they get instead. */
const REPLACEMENTS: Record<string, string> = {
  '../aedes.js': `export * from '${LAYER}'; export { default } from '${LAYER}'`,
  // they look whether a client is one
  '../lib/client.js': `export { AedesClient as default } from '${LAYER}'`,
}

/** Which tests of a file are special. */
export interface Special {
  /** They are known to fail: they run, and are given up early. */
  failing: readonly string[]
  /** The names of those that are left out. */
  left: readonly RegExp[]
}

/** Bounds how long each test may take: their own runner did that. */
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

/** Files about modules inside of Aedes, and one that needs a program that is not there. */
const NOT_PUBLIC = /toxiproxy-node-client|runFall, batch/

/** What became of the tests of one file; those that were skipped are not among them. */
export interface FileResult {
  file: string
  passed: string[]
  failed: string[]
}

/** The files of a package that need nothing but its public interface, or hardly anything else. */
export function testFilesOf(packageName: string): string[] {
  const folder = join(dirname(createRequire(import.meta.url).resolve(packageName)), 'test')
  return readdirSync(folder)
    .filter(name => name.endsWith('.js') && name !== 'helper.js')
    .map(name => join(folder, name))
    .filter(file => !NOT_PUBLIC.test(readFileSync(file, 'utf8')))
}

export async function runTestFile(file: string, special: Special): Promise<FileResult> {
  const register = `import { register } from 'node:module'; register(${JSON.stringify(dataUrl(hooks(special)))})`
  const args = ['--import', SLOW_CLOCK, '--import', dataUrl(register), '--test-force-exit', '--test-reporter=tap', file]
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...ownProcess(), ANAX_TEST_SLOWNESS: String(SLOWNESS) },
    timeout: FILE_PATIENCE_MS,
    killSignal: 'SIGKILL',
  })
  endWithUs(child)
  return { file: file.split('/').at(-1)!, ...resultOf(await text(child.stdout)) }
}

/** @param output of a test file, in the form TAP */
export function resultOf(output: string): Omit<FileResult, 'file'> {
  const named = (pattern: RegExp) =>
    [...output.matchAll(pattern)].map(([, name]) => name!.replaceAll('\\#', '#').trim())
  const isFile = (name: string) => name.endsWith('.js')
  return {
    passed: named(/^ok \d+ - (?!.* # SKIP)(.*)$/gm).filter(name => !isFile(name)),
    failed: named(/^not ok \d+ - (.*)$/gm).filter(name => !isFile(name)),
  }
}

/** Reason -> file -> tests. */
export type Known = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>

/** @param file those of this file; of all, where it is not given */
export function namesOf(known: Known, file?: string): string[] {
  return Object.values(known).flatMap(byFile =>
    Object.entries(byFile).flatMap(([each, tests]) => (file === undefined || each === file ? tests : [])),
  )
}

/** An environment in which a test file is nobody's part, and says what it has to say in words. */
export function ownProcess(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return env
}

function dataUrl(source: string): string {
  return `data:text/javascript,${encodeURIComponent(source)}`
}
