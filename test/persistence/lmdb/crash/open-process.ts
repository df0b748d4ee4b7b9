/** Opens the store of a folder, says so, and keeps it open until it is killed. Writes nothing. Argument: the folder. */
import { createLmdbPersistence } from '../../../../lib/persistence/lmdb/lmdb.js'
import { BROKER } from '../../../../lib/testing/persistence/harness.js'

async function main(path: string): Promise<void> {
  await createLmdbPersistence({ path }).setup(BROKER)
  process.stdout.write('open\n')
  setInterval(() => {}, 60_000)
}

main(process.argv[2]!)
