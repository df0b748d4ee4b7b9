/** The store on disk: both suites, and what is particular to it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import abstractSuite from 'aedes-persistence/abstract.js'
import { createLmdbPersistence } from '../../lib/persistence/lmdb.js'
import { persistenceSuite } from '../../lib/testing/persistence.js'

const folders = new Map<unknown, string>()

function create() {
  const path = mkdtempSync(join(tmpdir(), 'anax-lmdb-'))
  const store = createLmdbPersistence({ path })
  folders.set(store, path)
  return store
}

function remove(store: unknown): void {
  rmSync(folders.get(store)!, { recursive: true, force: true })
}

process.on('exit', () => {
  for (const path of folders.values()) rmSync(path, { recursive: true, force: true })
})

describe('the base contract', () => abstractSuite({ test, persistence: () => create(), testAsync: true }))

describe('the session contract', () =>
  persistenceSuite({
    test,
    create,
    cleanup: remove,
    reopen: async store => {
      const path = folders.get(store)!
      await store.destroy()
      const reopened = createLmdbPersistence({ path })
      folders.set(reopened, path)
      return reopened
    },
  }))
