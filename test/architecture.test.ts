/** The rules of the code that no compiler checks: who may import whom, how files open and how long they are. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, it } from 'node:test'
import { ROOT } from './support/root.js'

interface SourceFile {
  /** Path from the root of the repository. */
  path: string
  text: string
  /** Files of the repository that it imports. */
  imports: string[]
  /** Packages that it imports. */
  packages: string[]
  /** Modules that are loaded with it: without types, and without dynamic imports. */
  loads: string[]
}

/** Path prefix -> rank. A file imports from its own rank or a lower one. */
const RANKS: readonly (readonly [prefix: string, rank: number])[] = [
  ['types/', 0],
  ['lib/errors.ts', 0],
  ['lib/reason-codes.ts', 0],
  ['lib/util/', 0],
  ['lib/codec/', 1],
  ['lib/topic/', 1],
  ['lib/client/', 2],
  ['lib/model/', 2],
  ['lib/payload/', 2],
  ['lib/persistence/', 2],
  ['lib/ports/', 3],
  ['lib/session/outgoing/', 4],
  ['lib/session/', 5],
  ['lib/connection/', 6],
  ['lib/routing/', 6],
  ['lib/cluster/', 6],
  ['lib/broker/', 7],
  ['lib/index.ts', 8],
  ['lib/admin/', 9],
  ['lib/auth/', 9],
  ['lib/metrics/', 9],
  ['lib/nats/', 9],
  ['lib/otel/', 9],
  ['lib/presence/', 9],
  ['lib/server/', 9],
  ['lib/transfer/', 9],
  ['lib/aedes/', 9],
  ['lib/cli/', 10],
  ['lib/testing/', 10],
]

/** The layers around the broker: they import only what users of the package can import, too. */
const LAYERS = ['admin', 'auth', 'metrics', 'nats', 'otel', 'presence', 'server', 'transfer', 'aedes', 'cli']

/** What package.json exports. */
const ENTRY_POINTS = readEntryPoints()

const MAX_LINES = 400

/** Where the project's own files are. */
const FOLDERS = ['lib', 'types', 'test', 'bench', 'dashboard', 'docs', 'examples', 'scripts']

/** A folder with more files than this has to be divided by purpose. */
const MAX_FILES = 14

/** The only folder that keeps growing: its files are numbered, and read one at a time. */
const RECORD = 'docs/decisions'

const IMPORT = /^(?:import|export)\s(?:[^'";]*?\sfrom\s)?\s*'([^']+)'|\bimport\('([^']+)'\)/gm

const LOADING_IMPORT = /^(?:import|export)\s(?!type\b)(?:[^'";]*?\sfrom\s)?\s*'([^']+)'/gm

const library = [...readSources('lib'), ...readSources('types')]
const everything = [...library, ...['test', 'examples', 'bench'].flatMap(folder => readSources(folder))]
const tools = [...readSources('scripts', '.mjs'), ...readSources('dashboard'), ...readSources('dashboard', '.tsx')]

describe('imports', () => {
  it('are found', () => {
    assert.ok(library.length > 20)
    assert.ok(library.some(({ imports }) => imports.length > 3))
  })

  it('go to the same rank or a lower one', () => {
    const wrong = edges(library).filter(([from, to]) => rankOf(to) > rankOf(from))
    assert.deepEqual(wrong, [])
  })

  it('of contracts are of types only', () => {
    const wrong = library.filter(({ path, text }) => path.startsWith('types/') && /^import (?!type\b)/m.test(text))
    assert.deepEqual(pathsOf(wrong), [])
  })

  for (const layer of LAYERS) {
    it(`of lib/${layer} go to public entry points only`, () => {
      const own = `lib/${layer}/`
      const allowed = (to: string) => ENTRY_POINTS.has(to) || to.startsWith('types/') || to.startsWith(own)
      const wrong = edges(library).filter(([from, to]) => from.startsWith(own) && !allowed(to))
      assert.deepEqual(wrong, [])
    })
  }

  it('form no cycle in the whole repository, imports of types included', () => {
    assert.deepEqual(findCycle([...everything, ...tools]), [])
  })

  it('of the core load no transport, no client, no store on disk and no optional package', () => {
    const loaded = loadedBy('lib/index.ts')
    const needless = /^lib\/(client|persistence\/lmdb)\//
    assert.deepEqual(
      loaded.filter(file => needless.test(file)),
      [],
    )
    assert.deepEqual(loaded.filter(file => !file.endsWith('.ts')).sort(), [
      'mqemitter',
      'node:buffer',
      'node:crypto',
      'node:diagnostics_channel',
      'node:events',
      'node:net',
      'node:os',
      'node:perf_hooks',
      'node:stream',
      'node:timers',
      'node:timers/promises',
      'node:util',
      'node:v8',
      'node:vm',
    ])
  })

  it('of packages are all declared', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    const kinds = ['dependencies', 'optionalDependencies', 'peerDependencies']
    const declared = new Set(kinds.flatMap(kind => Object.keys(manifest[kind] ?? {})))
    const used = new Set(library.flatMap(({ packages }) => packages).filter(name => !name.startsWith('node:')))
    assert.deepEqual(
      [...used].filter(name => !declared.has(name)),
      [],
    )
  })
})

describe('every file', () => {
  it('opens with a comment that says what it owns', () => {
    assert.deepEqual(pathsOf(everything.filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text))), [])
  })

  it(`has at most ${MAX_LINES} lines`, () => {
    assert.deepEqual(pathsOf(everything.filter(({ text }) => text.split('\n').length - 1 > MAX_LINES)), [])
  })

  it('is named in kebab-case', () => {
    const wrong = everything.filter(
      ({ path }) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test(-d)?|\.d)?\.ts$/.test(path.split('/').at(-1) ?? ''),
    )
    assert.deepEqual(pathsOf(wrong), [])
  })

  it('has no hook of a test outside of a suite: quick test files share a process, and it would run for all their tests', () => {
    const quick = everything.filter(({ path }) => path.endsWith('.test.ts') && !path.endsWith('-long.test.ts'))
    assert.deepEqual(matching(quick, /^(before|after)Each\(/m), [])
  })

  it('has neither a default export nor an enum', () => {
    assert.deepEqual(matching(everything, /^export default\b|^(export )?(const |declare )*enum\b/m), [])
  })
})

it('no folder has too many files', () => {
  const counts = new Map<string, number>()
  for (const path of FOLDERS.flatMap(filesIn)) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1)
  assert.ok(counts.size > 100)
  const full = [...counts].filter(([folder, count]) => folder !== RECORD && count > MAX_FILES)
  assert.deepEqual(full, [])
})

describe('the library', () => {
  it('never removes the listeners of others', () => {
    assert.deepEqual(matching(library, /removeAllListeners/), [])
  })

  it('can be required: nothing is awaited at the top level', () => {
    assert.deepEqual(matching(library, /^(await\b|(export )?(const|let) [^\n]*= await\b|for await\b)/m), [])
  })

  it('compares protocol versions in the codec only', () => {
    const comparison =
      /\b(protocolVersion|version)\)?\s*([!=]==?|[<>]=?)\s*\d|\d\s*([!=]==?|[<>]=?)\s*[\w.]*[vV]ersion\b/
    assert.deepEqual(
      matching(library, comparison).filter(path => !path.startsWith('lib/codec/')),
      [],
    )
  })

  it('has its own version number in package.json only', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    const escaped = version.replaceAll('.', '\\.')
    assert.deepEqual(matching(everything, new RegExp(`(?<![\\d.])${escaped}(?![\\d.])`)), [])
  })
})

function readEntryPoints(): Set<string> {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const files = Object.values<{ import?: { default: string } }>(exports).flatMap(entry => entry.import?.default ?? [])
  return new Set(files.map(file => file.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts')))
}

function readSources(folder: string, extension = '.ts'): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith(extension) && !file.includes('node_modules'))
    .map(file => readSource(join(folder, file)))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules')
    .flatMap(entry => (entry.isDirectory() ? filesIn(join(folder, entry.name)) : [join(folder, entry.name)]))
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const found = [...text.matchAll(IMPORT)]
  const specifiers = found.map(([, statement, call]) => statement ?? call ?? '')
  const isRelative = (specifier: string) => specifier.startsWith('.')
  const relative = (found: string[]) =>
    found.filter(isRelative).map(to => normalize(join(dirname(path), to)).replace(/\.js$/, '.ts'))
  return {
    path,
    text,
    imports: relative(specifiers),
    packages: specifiers.filter(specifier => !isRelative(specifier)).map(packageOf),
    loads: [...text.matchAll(LOADING_IMPORT)].map(([, specifier = '']) =>
      isRelative(specifier) ? (relative([specifier])[0] ?? '') : specifier,
    ),
  }
}

/** Files and packages that are loaded with a file. */
function loadedBy(path: string): string[] {
  const byPath = new Map(library.map(file => [file.path, file]))
  const loaded = new Set([path])
  for (const file of loaded) for (const next of byPath.get(file)?.loads ?? []) loaded.add(next)
  return [...loaded]
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function edges(files: readonly SourceFile[]): [from: string, to: string][] {
  return files.flatMap(({ path, imports }) => imports.map((to): [string, string] => [path, to]))
}

function rankOf(path: string): number {
  const [, rank] = RANKS.find(([prefix]) => path.startsWith(prefix)) ?? assert.fail(`${path} has no rank`)
  return rank
}

/** The first cycle of imports; empty if there is none. */
function findCycle(files: readonly SourceFile[]): string[] {
  // a `.tsx` module is imported under the name of its compiled file, too
  const byPath = new Map(files.map(file => [file.path.replace(/\.tsx$/, '.ts'), file]))
  const done = new Set<string>()
  const visit = (path: string, chain: readonly string[]): string[] => {
    if (chain.includes(path)) return [...chain.slice(chain.indexOf(path)), path]
    if (done.has(path)) return []
    for (const next of byPath.get(path)?.imports ?? []) {
      const cycle = visit(next, [...chain, path])
      if (cycle.length > 0) return cycle
    }
    done.add(path)
    return []
  }
  for (const path of byPath.keys()) {
    const cycle = visit(path, [])
    if (cycle.length > 0) return cycle
  }
  return []
}

function matching(files: readonly SourceFile[], pattern: RegExp): string[] {
  return pathsOf(files.filter(({ text }) => pattern.test(text)))
}

function pathsOf(files: readonly SourceFile[]): string[] {
  return files.map(({ path }) => path)
}
