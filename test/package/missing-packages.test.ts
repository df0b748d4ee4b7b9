/** A bundled application does not need the optional packages of parts that it imports and does not use. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { temporaryFolder } from '../support/tls/certificate.js'

const entry = (name: string) => fileURLToPath(new URL(`../../lib/${name}`, import.meta.url))

/** Entry point -> the packages that it may need. */
const ENTRIES: Record<string, string[]> = {
  'server/server.js': ['forwarded', 'forwarded-parse', 'proxy-protocol-js'],
  'auth/index.js': ['jose', 'hash-wasm'],
  'metrics/metrics.js': ['prom-client'],
}

describe('a bundle', () => {
  const folder = temporaryFolder()
  after(() => folder.remove())

  for (const [file, packages] of Object.entries(ENTRIES)) {
    it(`with ${file} can be built without ${packages.join(', ')}`, async () => {
      const outcome = await build({
        entryPoints: [entry(file)],
        bundle: true,
        platform: 'node',
        format: 'esm',
        write: false,
        logLevel: 'silent',
        // as if they were not installed
        alias: Object.fromEntries(packages.map(name => [name, `./${name}-is-missing`])),
      })
      assert.deepEqual(outcome.errors, [])
    })
  }

  it('contains a package that it needs, which need not be installed where the bundle runs', async () => {
    const outfile = join(folder.path, 'bundle.mjs')
    await build({ entryPoints: [entry('auth/index.js')], bundle: true, platform: 'node', format: 'esm', outfile })
    const { jwt } = await import(pathToFileURL(outfile).href)
    assert.ok(jwt({ algorithms: ['HS256'], key: 'k'.repeat(32) }))
  })
})
