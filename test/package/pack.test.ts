/** The package as its users get it: packed, installed into an empty folder, imported, required, type-checked, run. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type TemporaryFolder, temporaryFolder } from '../support/certificate.js'
import { ROOT } from '../support/root.js'

const { name, version, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const ENTRIES = Object.keys(exports).filter(entry => entry !== './package.json')

/** A consumer that uses what is likely to break: classes, overloads, sub-paths. */
const CONSUMER = `
import { createServer as createTcpServer } from 'node:net'
import { AnaxError, type Broker, createBroker } from 'anax'
import { createServer } from 'anax/server'
import { duplexPair } from 'anax/testing'
${ENTRIES.map((entry, index) => `import * as entry${index} from '${entry.replace('.', name)}'`).join('\n')}

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

describe('the package', () => {
  let folder: TemporaryFolder

  before(() => {
    folder = temporaryFolder()
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder.path]
    const packed = JSON.parse(run('npm', pack, ROOT))
    // An object by package name in newer releases of npm, an array in older ones.
    const [{ filename }] = Object.values(packed) as [{ filename: string }]
    folder.write('package.json', '{ "name": "consumer", "private": true, "type": "module" }')
    run('npm', ['install', '--no-audit', '--no-fund', '--omit=optional', `./${filename}`])
  })
  after(() => folder.remove())

  it('brings what it needs and nothing else', () => {
    const files = run('find', [join('node_modules', name), '-type', 'f'])
    for (const needed of [
      'LICENSE',
      'README.md',
      'dist/lib/index.js',
      'dist/lib/index.d.ts',
      'dist/types/index.d.ts',
    ]) {
      assert.ok(files.includes(`/${needed}\n`), needed)
    }
    assert.doesNotMatch(files, /\/(test|bench|examples|scripts|\.ci)\/|\.map$|[^d]\.ts$/m)
  })

  for (const entry of ENTRIES) {
    const specifier = entry.replace('.', name)
    it(`can import and require ${specifier}, and gets the same`, () => {
      const script = `
        import { createRequire } from 'node:module'
        const required = createRequire(import.meta.url)('${specifier}')
        const imported = await import('${specifier}')
        const same = Object.keys(imported).every(name => imported[name] === required[name])
        console.log(Object.keys(imported).length > 0 && same)`
      folder.write('load.mjs', script)
      assert.equal(run(process.execPath, ['--no-warnings', 'load.mjs']), 'true\n')
    })
  }

  it('runs in the consumer', () => {
    folder.write(
      'use.mjs',
      `${CONSUMER.replaceAll(/: (Promise<void>|Broker|string \| undefined)|type /g, '')}\nawait main()`,
    )
    run(process.execPath, ['use.mjs'])
  })

  it('lets bundlers leave out what is not used', () => {
    assert.equal(
      JSON.parse(readFileSync(join(folder.path, 'node_modules', name, 'package.json'), 'utf8')).sideEffects,
      false,
    )
  })

  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ] as const) {
    it(`type-checks under ${moduleResolution}, declarations included, with @types/node alone`, () => {
      linkTypesOfNode()
      folder.write('consumer.ts', CONSUMER)
      const options = { module, moduleResolution, target: 'es2023', strict: true, noEmit: true, skipLibCheck: false }
      const compilerOptions = { ...options, types: ['node'], exactOptionalPropertyTypes: true }
      folder.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
      run(process.execPath, [join(packageFolder('typescript'), 'bin/tsc'), '--project', folder.path])
    })
  }

  it('brings the command', () => {
    const command = join('node_modules', '.bin', 'anax')
    assert.equal(run(command, ['--version']), `${version}\n`)
    assert.match(run(command, ['--help']), /^Usage: anax/)
  })

  it('says what to do where the optional package of the durable store is missing', () => {
    // Empty, it hides one that may be installed in a folder above.
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
    const { status, stderr } = spawnSync(join('node_modules', '.bin', 'anax'), { cwd: folder.path, encoding: 'utf8' })
    assert.deepEqual(
      [status, stderr],
      [1, 'anax: a store on disk needs the package lmdb: npm install lmdb, or start with --memory\n'],
    )
  })

  /** Runs a program in the consumer's folder; its output is in the error if it fails. */
  function run(program: string, args: readonly string[], cwd = folder.path): string {
    return execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }

  function linkTypesOfNode(): void {
    for (const dependency of ['@types/node', 'undici-types']) {
      const target = join(folder.path, 'node_modules', dependency)
      mkdirSync(dirname(target), { recursive: true })
      if (!existsSync(target)) symlinkSync(packageFolder(dependency), target)
    }
  }
})

function packageFolder(dependency: string): string {
  return dirname(createRequire(join(ROOT, 'package.json')).resolve(`${dependency}/package.json`))
}
