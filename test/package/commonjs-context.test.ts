/**
 * CommonJS in a context without `import()`, as in test runners such as Jest: parts that load an optional package work
 * there as well. And the error if a package cannot be loaded.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { compileFunction } from 'node:vm'
import { temporaryFolder } from '../persistence/lmdb/folders.js'

const CJS = fileURLToPath(new URL('../../cjs/lib/', import.meta.url))

/** Loads the CommonJS files of Anax as a test runner does: compiled by itself, with its own `require`. */
class Runner {
  readonly #modules = new Map<string, { exports: unknown }>()
  readonly #others: (name: string) => unknown

  /** @param others loads modules that are not files of Anax */
  constructor(others = createRequire(import.meta.url)) {
    this.#others = others
  }

  load<T>(file: string): T {
    const known = this.#modules.get(file)
    if (known !== undefined) return known.exports as T
    const module = { exports: {} as unknown }
    this.#modules.set(file, module)
    const require = (name: string) =>
      name.startsWith('.') ? this.load(createRequire(file).resolve(name)) : this.#others(name)
    const names = ['exports', 'require', 'module', '__filename', '__dirname']
    const run = compileFunction(readFileSync(file, 'utf8'), names, { filename: file })
    run(module.exports, require, module, file, dirname(file))
    return module.exports as T
  }
}

type Core = typeof import('../../lib/index.js')
type Store = typeof import('../../lib/persistence/lmdb/lmdb.js')
type Server = typeof import('../../lib/server/server.js')

function load(runner = new Runner()): Core & Store & Server {
  return {
    ...runner.load<Core>(`${CJS}index.js`),
    ...runner.load<Store>(`${CJS}persistence/lmdb/lmdb.js`),
    ...runner.load<Server>(`${CJS}server/server.js`),
  }
}

/** Loads everything except `lmdb`. */
function withoutLmdb(reason: string): Runner {
  const require = createRequire(import.meta.url)
  return new Runner(
    Object.assign((name: string) => {
      if (name === 'lmdb') throw new Error(reason)
      return require(name)
    }, require),
  )
}

describe('CommonJS without import()', () => {
  it('can use the store on disk, and listeners behind proxies', async () => {
    const { createBroker, createLmdbPersistence, createServer } = load()
    const broker = await createBroker({
      persistence: createLmdbPersistence({ path: temporaryFolder(), verify: 'off' }),
    })
    const trustedProxies = ['127.0.0.1']
    const server = await createServer(broker, [
      { transport: 'tcp', port: 0, trustedProxies, proxyProtocol: true },
      { transport: 'ws', port: 0, trustedProxies },
    ])
    await broker.publish({ topic: 'a', payload: 'b', retain: true })
    assert.equal(broker.stats().retained.messages, 1)
    await server.close()
    await broker.close()
  })

  const REASONS = {
    "Cannot find module 'lmdb'\nRequire stack: …": /: the package lmdb is not installed \(npm install lmdb\)$/,
    "Cannot find module 'msgpackr'":
      /: the package lmdb is installed and cannot be loaded: Cannot find module 'msgpackr' \(/,
    'No native build was found for platform=linux arch=arm64\n    attempted …':
      /cannot be loaded: No native build was found for platform=linux arch=arm64 \(if node_modules comes from another/,
  }
  for (const [reason, message] of Object.entries(REASONS)) {
    it(`reports why there is no store: ${reason.slice(0, 25)}`, async () => {
      const { createBroker, createLmdbPersistence } = load(withoutLmdb(reason))
      const persistence = createLmdbPersistence({ path: temporaryFolder(), verify: 'off' })
      await assert.rejects(createBroker({ persistence }), { code: 'ANAX_ERR_OPTION', message })
    })
  }
})
