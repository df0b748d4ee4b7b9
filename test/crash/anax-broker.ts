/** Anax with its LMDB store, to be killed. Arguments: port, folder. */
import { createServer } from 'node:net'
import { createBroker } from '../../lib/index.js'
import { createLmdbPersistence } from '../../lib/persistence/lmdb.js'

async function main(port: number, path: string): Promise<void> {
  const broker = await createBroker({
    id: 'crash-test',
    persistence: createLmdbPersistence({ path }),
    maxQueuedMessages: 1_000_000,
    maxQueuedBytes: 1_000_000_000,
  })
  broker.on('storeError', error => console.error('storeError', error))
  broker.on('drop', ({ reason, clientId }) => console.error('drop', reason, clientId))
  createServer({ noDelay: true }, broker.handle).listen(port, '127.0.0.1', () => console.log('listening'))
}

main(Number(process.argv[2]), process.argv[3]!)
