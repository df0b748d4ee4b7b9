/**
 * Writes to a store until it is killed, and reports what was acknowledged. Each message goes to two queues, with an
 * incoming packet id and a retained message in the same turn. Arguments: folder, durability.
 */
import { createLmdbPersistence, type LmdbDurability } from '../../../../lib/persistence/lmdb/lmdb.js'
import { BROKER, message, policy, saveSessions, to } from '../../../../lib/testing/persistence/harness.js'

async function main(path: string, durability: LmdbDurability): Promise<void> {
  const store = createLmdbPersistence({ path, durability })
  await store.setup(BROKER)
  await saveSessions(store, 'a', 'b')
  process.stdout.write('0\n')
  const everything = policy({ maxMessages: 1e9, maxBytes: 1e9 })
  for (let number = 1; ; number++) {
    const payload = Buffer.from(`${number}`)
    await Promise.all([
      store.enqueue(message({ payload }), [to('a')], everything),
      store.enqueue(message({ payload }), [to('b')], everything),
      store.storeRetained(message({ topic: 'last', retain: true, payload })),
    ])
    process.stdout.write(`${number}\n`)
  }
}

main(process.argv[2]!, process.argv[3] === 'sync' ? 'sync' : 'commit')
