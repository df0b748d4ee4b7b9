/** README.md and docs/ match the code: names, defaults, links, files; every snippet of TypeScript compiles. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { resolveOptions } from '../lib/broker/options.js'
import { OPTIONS } from '../lib/cli/options/options.js'
import { ERRORS } from '../lib/errors.js'
import { LARGE_MACHINE } from './support/memory.js'
import { ROOT } from './support/root.js'
import { type TemporaryFolder, temporaryFolder } from './support/tls/certificate.js'

interface Page {
  /** Path from the root of the repository. */
  path: string
  text: string
}

const pages: Page[] = ['README.md', ...markdownIn('docs')].map(path => ({
  path,
  text: readFileSync(join(ROOT, path), 'utf8'),
}))

/** A row of a table that begins with a name in code: name and second cell. */
const ROW = /^\| `([^`]+)` +\| +(.*?) +\|/gm

/** The names that an interface of types/ declares, in order. */
function membersOf(file: string, name: string): string[] {
  const body = new RegExp(`^export interface ${name}\\b[^{]*\\{\\n(.*?)^\\}`, 'ms').exec(sourceOf(file))?.[1] ?? ''
  return [...new Set(namesIn([...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)]))]
}

describe('docs/embed/broker.md', () => {
  const section = between(pageOf('docs/embed/broker.md'), '## Options', '## Properties')
  const hooks = membersOf('types/broker/hooks.ts', 'Hooks')
  const options = [...membersOf('types/broker/options.ts', 'BrokerOptions'), ...hooks]
  const documented = [...section.matchAll(ROW)].map(([, name]) => name!)

  it('has every option, each once, and no other', () => {
    assert.ok(options.length > 40)
    assert.deepEqual(documented.toSorted(), options.toSorted())
  })

  it('has their defaults', () => {
    const resolved: Record<string, unknown> = { ...resolveOptions({}, LARGE_MACHINE), id: undefined }
    const rows = section.matchAll(/^\| `([^`]+)` +\| .*? +\| (.*?) +\| .*\|$/gm)
    const wrong = [...rows]
      .filter(([, name]) => resolved[name!] !== undefined)
      .filter(([, name, cell]) => cell !== `\`${literal(resolved[name!])}\``)
    assert.deepEqual(
      wrong.map(([, name, cell]) => `${name}: ${cell}`),
      [],
    )
  })

  it('has the methods and properties of a broker', () => {
    const page = pageOf('docs/embed/broker.md')
    const isNamed = (name: string) => page.includes(`| \`broker.${name}\` `) || page.includes(`### broker.${name}(`)
    const members = membersOf('types/broker/broker.ts', 'Broker')
    assert.ok(members.includes('handle') && members.includes('publish'))
    assert.deepEqual(
      members.filter(name => !isNamed(name)),
      [],
    )
  })
})

describe('the other pages of reference', () => {
  it('docs/embed/hooks.md has a section for every hook, and no other', () => {
    const sections = headings(pageOf('docs/embed/hooks.md'), 2).filter(name => !name.includes(' '))
    assert.deepEqual(sections, membersOf('types/broker/hooks.ts', 'Hooks'))
  })

  it('docs/embed/events.md has a section for every event, and no other', () => {
    const events = membersOf('types/broker/events.ts', 'BrokerEvents')
    assert.ok(events.length > 15)
    assert.deepEqual(headings(pageOf('docs/embed/events.md'), 3).toSorted(), events.toSorted())
  })

  it('docs/embed/events.md has every reason of a drop, and no other', () => {
    const reasons = [...between(sourceOf('types/broker/events.ts'), 'DropReason', '/**').matchAll(/'([\w-]+)'/g)]
    const documented = [...between(pageOf('docs/embed/events.md'), '### drop', '### hookError').matchAll(ROW)]
    assert.deepEqual(namesIn(documented), namesIn(reasons))
  })

  it('docs/embed/events.md has every reason of a disconnection, and no other', () => {
    const reasons = [...between(sourceOf('types/broker/events.ts'), 'DisconnectReason', '/**').matchAll(/'([\w-]+)'/g)]
    const documented = [...between(pageOf('docs/embed/events.md'), '| `reason` ', '### clientError').matchAll(ROW)]
    assert.deepEqual(namesIn(documented).slice(1), namesIn(reasons))
  })

  it('docs/embed/client.md has every property and method of a client', () => {
    const page = pageOf('docs/embed/client.md')
    const isNamed = (name: string) => page.includes(`| \`${name}\` `) || page.includes(`### client.${name}(`)
    assert.deepEqual(
      membersOf('types/client/client.ts', 'Client').filter(name => !isNamed(name)),
      [],
    )
  })

  it('docs/security/authentication.md has every code of a denial, and no other', () => {
    const codes = [...between(sourceOf('lib/auth/hooks/denials.ts'), 'DenialCode', '/**').matchAll(/'([\w-]+)'/g)]
    const table = between(pageOf('docs/security/authentication.md'), '| Code ', '## Hooks of your own')
    const documented = [...table.matchAll(/^\| (`.+?) +\|/gm)].flatMap(([, cell]) =>
      namesIn([...cell!.matchAll(/`([\w-]+)`/g)]),
    )
    assert.deepEqual(documented.toSorted(), namesIn(codes).toSorted())
  })

  it('docs/run/command.md has every option of the command, and no other', () => {
    const documented = [...pageOf('docs/run/command.md').matchAll(/^\| `--([\w-]+)/gm)]
    assert.deepEqual(namesIn(documented).toSorted(), Object.keys(OPTIONS).toSorted())
  })
})

describe('all pages', () => {
  it('link to files and sections that exist', () => {
    const wrong = pages.flatMap(page =>
      linksIn(page)
        .filter(target => !resolves(page, target))
        .map(target => `${page.path} -> ${target}`),
    )
    assert.deepEqual(wrong, [])
  })

  it('name files that exist', () => {
    const files = /`((?:lib|types|test|examples|bench|scripts|docs)\/[\w./-]+)`/g
    assert.deepEqual(
      unknown(files, path => existsSync(join(ROOT, path))),
      [],
    )
  })

  it('name files of the tree that exist', () => {
    const tree = /```text\n(types\/.*?)```/s.exec(pageOf('docs/architecture.md'))?.[1] ?? ''
    assert.ok(tree.includes('lib/'))
    const known = new Set(readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' }).map(baseOf))
    assert.deepEqual(
      [...tree.matchAll(/[\w-]+\.ts/g)].map(([file]) => file).filter(file => !known.has(file)),
      [],
    )
  })

  it('name errors that exist', () => {
    assert.deepEqual(
      unknown(/\b(ANAX_ERR_\w+)/g, code => Object.hasOwn(ERRORS, code)),
      [],
    )
  })

  /** Every match of a pattern that is not known, with its page. */
  function unknown(pattern: RegExp, isKnown: (name: string) => boolean): string[] {
    return pages.flatMap(({ path, text }) =>
      namesIn([...text.matchAll(pattern)])
        .filter(name => !isKnown(name))
        .map(name => `${path}: ${name}`),
    )
  }
})

/** Entry points whose functions, classes and constants must all appear in a snippet. */
const SHOWN = [
  ...['', 'aedes', 'client', 'codec', 'metrics', 'nats', 'otel', 'server'],
  ...['testing', 'testing/cluster', 'testing/persistence'],
]

/** Names of the module itself, for `import` without braces and for `require`. */
const NAMELESS = new Set(['default', 'module.exports'])

describe('what is exported', () => {
  const snippets = pages.flatMap(snippetsOf).map(({ code }) => code)
  const { exports } = JSON.parse(sourceOf('package.json'))

  /** The names that snippets import from an entry point. */
  function namesImported(specifier: string): Set<string> {
    const imports = new RegExp(`import (?:type )?(?:\\w+, )?\\{([^}]*)\\} from '${specifier}'`, 'g')
    const lists = snippets.flatMap(code => [...code.matchAll(imports)])
    return new Set(lists.flatMap(([, names = '']) => names.split(',').map(name => name.trim().replace(/^type /, ''))))
  }

  for (const name of SHOWN) {
    const specifier = name === '' ? 'anax' : `anax/${name}`
    it(`by ${specifier} is in a snippet`, async () => {
      const file = exports[specifier.replace('anax', '.')].import.default
      const exported = Object.keys(await import(pathToFileURL(join(ROOT, file)).href))
      // names that the core exports as well may be shown there
      const shown = new Set([...namesImported(specifier), ...namesImported('anax'), ...NAMELESS])
      assert.ok(exported.length > 0)
      assert.deepEqual(
        exported.filter(each => !shown.has(each)),
        [],
      )
    })
  }
})

/** Declarations that snippets may use without repeating them. */
const GLOBALS = `
import type { Broker, Client } from 'anax'
declare global {
  const broker: Broker
  const client: Client
}
`

const SETTINGS = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    moduleDetection: 'force',
  },
}

describe('snippets of TypeScript', () => {
  let folder: TemporaryFolder

  before(() => {
    folder = temporaryFolder()
    mkdirSync(join(folder.path, 'node_modules'))
    const packages = readdirSync(join(ROOT, 'node_modules')).filter(name => !name.startsWith('.'))
    for (const name of packages) link(join(ROOT, 'node_modules', name), name)
    link(ROOT, 'anax')
    folder.write('package.json', '{ "type": "module" }')
    folder.write('tsconfig.json', JSON.stringify(SETTINGS))
    folder.write('globals.ts', GLOBALS)
  })
  after(() => folder.remove())

  it('compile, each by itself', () => {
    const snippets = pages.flatMap(snippetsOf)
    assert.ok(snippets.length > 20)
    for (const { name, code } of snippets.filter(({ code }) => !isExtending(code))) folder.write(name, code)
    compile('.')
  })

  it('compile in a program of their own if they extend the types', () => {
    const snippets = pages.flatMap(snippetsOf).filter(({ code }) => isExtending(code))
    assert.ok(snippets.length > 0)
    for (const { name, code } of snippets) {
      const own = name.replace('.ts', '')
      mkdirSync(join(folder.path, own))
      folder.write(`${own}/${name}`, code)
      folder.write(`${own}/tsconfig.json`, JSON.stringify({ ...SETTINGS, files: ['../globals.ts', name] }))
      compile(own)
      rmSync(join(folder.path, own), { recursive: true })
    }
  })

  function compile(program: string): void {
    const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
    const args = [compiler, '--project', program]
    const { status, stdout } = spawnSync(process.execPath, args, { cwd: folder.path, encoding: 'utf8' })
    assert.equal(stdout, '')
    assert.equal(status, 0)
  }

  function link(target: string, name: string): void {
    symlinkSync(target, join(folder.path, 'node_modules', name), 'junction')
  }
})

/** Whether it changes types for the whole program. */
function isExtending(code: string): boolean {
  return code.includes("declare module 'anax'")
}

/** Files are named after page and line, so that the compiler's messages show where. */
function snippetsOf({ path, text }: Page): { name: string; code: string }[] {
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(({ 1: code = '', index }) => {
    const line = text.slice(0, index).split('\n').length + 1
    return { name: `${path.replaceAll('/', '_')}_line_${line}.ts`, code }
  })
}

function markdownIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.md'))
    .map(file => `${folder}/${file}`)
    .sort()
}

function sourceOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

function pageOf(path: string): string {
  return pages.find(page => page.path === path)?.text ?? assert.fail(`there is no ${path}`)
}

function between(text: string, start: string, end: string): string {
  const from = text.indexOf(start)
  const to = text.indexOf(end, from + start.length)
  assert.ok(from >= 0 && to > from, `${start} ... ${end}`)
  return text.slice(from, to)
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value)
}

function namesIn(matches: RegExpExecArray[]): string[] {
  return matches.map(([, name]) => name!)
}

function headings(text: string, level: number): string[] {
  return namesIn([...text.matchAll(new RegExp(`^#{${level}} (.+)$`, 'gm'))])
}

/** Link targets within the repository, without code. */
function linksIn({ text }: Page): string[] {
  const prose = text.replaceAll(/^```.*?^```$/gms, '').replaceAll(/`[^`\n]*`/g, '')
  return namesIn([...prose.matchAll(/\]\(([^)\s]+)\)/g)]).filter(target => !/^[a-z]+:/.test(target))
}

function resolves({ path }: Page, target: string): boolean {
  const [file = '', section] = target.split('#')
  const place = file === '' ? join(ROOT, path) : join(ROOT, dirname(path), file)
  if (!existsSync(place)) return false
  if (section === undefined) return true
  return namesIn([...readFileSync(place, 'utf8').matchAll(/^#+ (.+)$/gm)]).some(title => anchorOf(title) === section)
}

/** The anchor that common hosts of repositories create for a heading. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}

function baseOf(path: string): string {
  return path.split(/[\\/]/).at(-1)!
}
