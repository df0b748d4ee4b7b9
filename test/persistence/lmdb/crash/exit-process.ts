/**
 * Exits without closing the store, a number of event loop turns after a change was requested. Arguments: folder, turns,
 * exit code.
 */
import { createLmdbPersistence } from '../../../../lib/persistence/lmdb/lmdb.js'
import { BROKER, saveSessions } from '../../../../lib/testing/persistence/harness.js'

/** Long enough for LMDB's thread to wait for this one. */
const BUSY_MS = 5

async function main(path: string, turns: number, code: number): Promise<void> {
  const store = createLmdbPersistence({ path })
  await store.setup(BROKER)
  saveSessions(store, 'a')
  for (let i = 0; i < turns; i++) await new Promise<void>(resolve => setImmediate(resolve))
  for (const end = performance.now() + BUSY_MS; performance.now() < end; );
  process.exit(code)
}

main(process.argv[2]!, Number(process.argv[3]), Number(process.argv[4]))
