/**
 * The package as its users get it: packed, installed into an empty folder, imported, required, type-checked, run. In
 * the full run npm installs it; otherwise it is unpacked.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { effort } from '../support/effort.js'
import { ROOT } from '../support/root.js'
import { type TemporaryFolder, temporaryFolder } from '../support/tls/certificate.js'

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const { name, version, exports } = manifest
const ENTRIES = Object.keys(exports).filter(entry => entry !== './package.json')
const SPECIFIERS = ENTRIES.map(entry => entry.replace('.', name))

/** A consumer that uses what breaks easily: classes, overloads, sub-paths. */
const CONSUMER = `
import { createServer as createTcpServer } from 'node:net'
import { AnaxError, type Broker, createBroker } from 'anax'
import { createServer } from 'anax/server'
import { duplexPair } from 'anax/testing'
${SPECIFIERS.map((specifier, index) => `import * as entry${index} from '${specifier}'`).join('\n')}

export async function main(): Promise<void> {
  const broker: Broker = await createBroker({ authenticate: (client, username) => client.id === username })
  createTcpServer(broker.handle)
  const server = await createServer(broker, { transport: 'tcp', port: 0 })
  const url: string | undefined = server.addresses[0]?.url
  broker.handle(duplexPair()[0])
  broker.on('clientError', (_client, error) => console.log(url, error instanceof AnaxError, error.code))
  await server.close()
  await broker.close()
}
export const entries = [${ENTRIES.map((_, index) => `entry${index}`).join(', ')}]
`

/** Declares the type of what it keeps at its clients: exact, and undefined until it is set. */
const WITH_CONTEXT = `
import type { Client } from 'anax'
declare module 'anax' {
  interface ClientTypes {
    context: { tenant: string }
  }
}
export function tenantOf(client: Client): string | undefined {
  // @ts-expect-error it may be undefined
  const unchecked: string = client.context.tenant
  const tenant: string | undefined = client.context?.tenant
  return tenant ?? unchecked
}
export function setTenant(client: Client, tenant: string): void {
  client.context = { tenant }
  // @ts-expect-error it has another type
  client.context = tenant
}
`

describe('the package', () => {
  let folder: TemporaryFolder

  before(() => {
    folder = temporaryFolder()
    const archive = run(process.execPath, [join(ROOT, 'scripts/package/pack.mjs'), folder.path], ROOT).trim()
    folder.write('package.json', '{ "name": "consumer", "private": true, "type": "module" }')
    if (effort === 'full') run('npm', ['install', '--no-audit', '--no-fund', '--omit=optional', archive])
    else unpack(archive)
  })
  after(() => folder.remove())

  it('contains what it needs and nothing else', () => {
    const files = installedFiles()
      .map(file => `/${file}\n`)
      .join('')
    for (const needed of [
      'LICENSE',
      'README.md',
      'dist/lib/index.js',
      'dist/lib/index.d.ts',
      'dist/types/index.d.ts',
      'dist/cjs/lib/index.js',
      'dist/cjs/lib/index.d.ts',
      'dist/cjs/package.json',
    ]) {
      assert.ok(files.includes(`/${needed}\n`), needed)
    }
    assert.doesNotMatch(files, /\/(test|bench|examples|scripts|\.ci)\/|\.map$|[^d]\.ts$/m)
  })

  it('refers to no source maps, as it contains none', () => {
    const compiled = installedFiles().filter(file => /\.(js|ts)$/.test(file))
    const isReferring = (file: string) => readFileSync(join(installed(), file), 'utf8').includes('sourceMappingURL')
    assert.deepEqual(compiled.filter(isReferring), [])
  })

  it('can be imported and required: every entry point, with the same names', () => {
    const script = `
      import { createRequire } from 'node:module'
      const require = createRequire(import.meta.url)
      for (const specifier of ${JSON.stringify(SPECIFIERS)}) {
        const required = require(specifier)
        const imported = await import(specifier)
        const [own, others] = [required, imported].map(copy => Object.keys(copy).filter(key => key !== '__esModule'))
        const file = require.resolve(specifier).split(/[\\\\/]node_modules[\\\\/]/).at(-1)
        const isRight = own.length > 0 && own.sort().join() === others.sort().join() && /dist.cjs.lib/.test(file)
        if (!isRight) console.log(specifier, file, own, others)
      }`
    folder.write('load.mjs', script)
    // Newer releases of Node can require modules; the package does not depend on that.
    assert.equal(run(process.execPath, ['--no-experimental-require-module', 'load.mjs']), '')
  })

  it('works with both copies in one process: a broker of one, the rest of the other', () => {
    const script = `
      import assert from 'node:assert/strict'
      import { once } from 'node:events'
      import { createRequire } from 'node:module'
      import * as esm from 'anax'
      import { createServer } from 'anax/server'
      import { duplexPair } from 'anax/testing'
      const cjs = createRequire(import.meta.url)('anax')
      class Mine extends esm.AnaxError {}
      const error = new cjs.AnaxError('ANAX_ERR_LISTEN')
      assert.ok(error instanceof esm.AnaxError && !(error instanceof Mine) && new Mine('ANAX_ERR_BUS') instanceof Mine)
      assert.ok(!(new Error('other') instanceof esm.AnaxError) && !(null instanceof esm.AnaxError))
      const broker = await cjs.createBroker({ persistence: esm.createMemoryPersistence() })
      const server = await createServer(broker, { transport: 'tcp', port: 0 })
      const [client, end] = duplexPair()
      broker.handle(end)
      client.write(Buffer.from('101000044d5154540402003c000461626364', 'hex'))
      const [connack] = await once(client, 'data')
      assert.equal(connack.toString('hex'), '20020000')
      await server.close()
      await broker.close()`
    folder.write('both.mjs', script)
    run(process.execPath, ['both.mjs'])
  })

  it('installs four packages with the core, lmdb if possible, and others on demand only', () => {
    const { dependencies, optionalDependencies, peerDependencies = {}, peerDependenciesMeta = {} } = manifest
    assert.deepEqual(Object.keys(dependencies), ['aedes-persistence', 'mqemitter', 'readable-stream', 'ws'])
    assert.deepEqual(Object.keys(optionalDependencies), ['lmdb'])
    const demanded = Object.keys(peerDependencies).filter(peer => peerDependenciesMeta[peer]?.optional !== true)
    assert.deepEqual(demanded, [])
    const installed = readdirSync(join(folder.path, 'node_modules')).filter(peer => peer in peerDependencies)
    assert.deepEqual(installed, [])
  })

  it('runs in an application', () => {
    folder.write(
      'use.mjs',
      `${CONSUMER.replaceAll(/: (Promise<void>|Broker|string \| undefined)|type /g, '')}\nawait main()`,
    )
    run(process.execPath, ['use.mjs'])
  })

  it('runs the CommonJS example at the start of docs/embed/tool-chains.md', () => {
    const page = readFileSync(join(ROOT, 'docs/embed/tool-chains.md'), 'utf8')
    folder.write('snippet.cjs', /^```js\n(.*?)^```$/ms.exec(page)?.[1] ?? assert.fail('no snippet'))
    assert.match(run(process.execPath, ['snippet.cjs']), /^MQTT on port \d+\n$/)
  })

  it('can be tree-shaken by bundlers', () => {
    assert.equal(
      JSON.parse(readFileSync(join(folder.path, 'node_modules', name, 'package.json'), 'utf8')).sideEffects,
      false,
    )
  })

  const resolutions = [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
    ['node16', 'node16'],
  ] as const
  for (const [module, moduleResolution] of effort === 'full' ? resolutions : resolutions.slice(0, 2)) {
    it(`type-checks under ${moduleResolution}, declarations included, with @types/node and what is used of other packages`, () => {
      linkTypes()
      // The second is CommonJS for the first two: `require` finds its own types.
      const texts = { consumer: CONSUMER, context: WITH_CONTEXT }
      const files = Object.keys(texts).flatMap(name => [`${name}.ts`, `${name}.cts`])
      for (const [name, text] of Object.entries(texts)) {
        folder.write(`${name}.ts`, text)
        folder.write(`${name}.cts`, text)
      }
      const options = { module, moduleResolution, target: 'es2023', strict: true, noEmit: true, skipLibCheck: false }
      const compilerOptions = { ...options, types: ['node'], exactOptionalPropertyTypes: true }
      folder.write('tsconfig.json', JSON.stringify({ compilerOptions, files }))
      const compiler = [join(packageFolder('typescript'), 'bin/tsc'), '--project', folder.path]
      const { status, stdout } = spawnSync(process.execPath, compiler, { cwd: folder.path, encoding: 'utf8' })
      // Declarations of other packages are not checked here, and some fail under exactOptionalPropertyTypes.
      const errors = stdout.split('\n').filter(line => /^\S.*: error TS/.test(line))
      assert.ok(status === 0 || errors.length > 0, stdout)
      const isOurs = (line: string) => !line.includes('node_modules') || line.includes(`node_modules/${name}/`)
      assert.deepEqual(errors.filter(isOurs), [])
    })
  }

  it('contains the command', () => {
    const [program, ...args] = command()
    assert.equal(run(program, [...args, '--version']), `${version}\n`)
    assert.match(run(program, [...args, '--help']), /^Usage: anax/)
  })

  it('explains what to do if the optional package of the durable store is missing', () => {
    // Empty; hides one that may be installed in a parent folder.
    mkdirSync(join(folder.path, 'node_modules/lmdb'))
    folder.write(
      'durable.mjs',
      `
      import { createBroker } from 'anax'
      import { createLmdbPersistence } from 'anax/lmdb'
      const failed = await createBroker({ persistence: createLmdbPersistence({ path: 'store' }) }).catch(error => error)
      console.log(failed.code, failed.message)`,
    )
    assert.match(
      run(process.execPath, ['durable.mjs']),
      /^ANAX_ERR_OPTION .*lmdb is not installed \(npm install lmdb\)$/m,
    )
    const [program, ...args] = command()
    const { status, stderr } = spawnSync(program, args, { cwd: folder.path, encoding: 'utf8' })
    assert.deepEqual(
      [status, stderr],
      [1, 'anax: a store on disk needs the package lmdb: npm install lmdb, or start with --memory\n'],
    )
  })

  /** Does what npm does with the archive, without a registry: the dependencies are those of this checkout. */
  function unpack(archive: string): void {
    mkdirSync(installed(), { recursive: true })
    run('tar', ['-xzf', archive, '-C', installed(), '--strip-components', '1'])
    for (const dependency of Object.keys(manifest.dependencies)) link(dependency)
  }

  /** The command's file: only npm creates a link to it. */
  function command(): [string, ...string[]] {
    if (effort === 'full') return [join('node_modules', '.bin', 'anax')]
    return [process.execPath, join('node_modules', name, manifest.bin.anax)]
  }

  /** Runs a program in the consumer's folder; the error has its output. */
  function run(program: string, args: readonly string[], cwd = folder.path): string {
    // Windows starts scripts like npm.cmd only in a shell.
    const shell = process.platform === 'win32' && program !== process.execPath
    return execFileSync(program, args, { cwd, shell, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }

  function installed(): string {
    return join(folder.path, 'node_modules', name)
  }

  /** Paths within the package, with slashes. */
  function installedFiles(): string[] {
    const entries = readdirSync(installed(), { recursive: true, encoding: 'utf8' })
    return entries.map(file => file.replaceAll('\\', '/'))
  }

  /** The types of entry points that need an optional package are separate. */
  function linkTypes(): void {
    const optional = Object.keys(manifest.peerDependencies ?? {})
    for (const dependency of ['@types/node', 'undici-types', ...optional]) link(dependency)
  }

  function link(dependency: string): void {
    const target = join(folder.path, 'node_modules', dependency)
    mkdirSync(dirname(target), { recursive: true })
    if (!existsSync(target)) symlinkSync(packageFolder(dependency), target, 'junction')
  }
})

function packageFolder(dependency: string): string {
  return join(ROOT, 'node_modules', dependency)
}
