/** A store in a bundled application: opened, closed and opened again, as a restarted host does. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { buildSync, type Format } from 'esbuild'
import { temporaryFolder } from './folders.js'

const store = fileURLToPath(new URL('../../../lib/persistence/lmdb/lmdb.js', import.meta.url))
const packages = fileURLToPath(new URL('../../../../node_modules', import.meta.url))

/** Opens the store; prints whether it could. */
const application = (path: string): string => `
  import { createLmdbPersistence } from ${JSON.stringify(store)}
  const store = createLmdbPersistence({ path: ${JSON.stringify(path)} })
  store.setup({ id: 'broker' }).then(() => store.destroy()).then(() => console.log('opened'))
`

function bundle(format: Format, folder: string): string {
  const outfile = join(folder, `application.${format === 'esm' ? 'mjs' : 'cjs'}`)
  const stdin = { contents: application(join(folder, 'store')), resolveDir: dirname(store) }
  symlinkSync(packages, join(folder, 'node_modules'))
  buildSync({ stdin, bundle: true, platform: 'node', format, outfile, packages: 'external', logLevel: 'error' })
  return outfile
}

describe('a bundle', () => {
  for (const format of ['esm', 'cjs'] as const) {
    it(`reopens a store that it has created (${format})`, () => {
      const file = bundle(format, temporaryFolder())
      const run = (): string => execFileSync(process.execPath, [file], { encoding: 'utf8' })
      assert.equal(run(), 'opened\n')
      assert.equal(run(), 'opened\n')
    })
  }
})
