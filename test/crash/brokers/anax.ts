/** Anax with its LMDB store, to be killed. Arguments: port, folder, durability. */
import { createServer } from 'node:net'
import { createBroker } from '../../../lib/index.js'
import { createLmdbPersistence, type LmdbDurability } from '../../../lib/persistence/lmdb/lmdb.js'
import { sayReady } from '../processes/to-parent.js'

const [port, path, durability] = process.argv.slice(2)
const broker = await createBroker({
  id: 'crash-test',
  persistence: createLmdbPersistence({ path: path!, durability: durability as LmdbDurability }),
  maxQueuedMessages: 1_000_000,
  maxQueuedBytes: 1_000_000_000,
})
broker.on('storeError', error => console.error('storeError', error))
broker.on('drop', ({ reason, clientId }) => console.error('drop', reason, clientId))
createServer({ noDelay: true }, broker.handle).listen(Number(port), '127.0.0.1', sayReady)
