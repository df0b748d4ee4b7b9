/** The broker of the billing example: what it acknowledges is in ./store. Arguments: port, folder. */
import { createServer } from 'node:net'
import { createBroker } from 'anax'
import { createLmdbPersistence } from 'anax/lmdb'

const [port, folder] = process.argv.slice(2)
const persistence = createLmdbPersistence({ path: `${folder}/store` })
const broker = await createBroker({ id: 'billing', persistence })
createServer({ noDelay: true }, broker.handle).listen(Number(port), '127.0.0.1')
