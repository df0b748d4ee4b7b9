/**
 * The broker of the billing example: it stores what it acknowledges in ./store. The audit is a consumer in its process: a client
 * with a session, which gets again what it has not acknowledged. Arguments: port, folder.
 */
import { createServer } from 'node:net'
import { createBroker } from 'anax'
import { createLmdbPersistence } from 'anax/lmdb'
import { Charges } from './charges.js'

const FOREVER = 0xffffffff

const [port, folder] = process.argv.slice(2)
const persistence = createLmdbPersistence({ path: `${folder}/store` })
const broker = await createBroker({ id: 'billing', persistence })

const charges = new Charges(`${folder}/audit.journal`)
const audit = await broker.client({
  clientId: 'audit',
  clean: false,
  properties: { sessionExpiryInterval: FOREVER },
})
// acknowledged when the function returns
await audit.subscribe('charges/#', { qos: 1 }, ({ payload }) => charges.take(payload))

// last, so that no charge comes before the audit has subscribed
const server = createServer({ noDelay: true }, broker.handle).listen(Number(port), '127.0.0.1')

process.once('SIGTERM', async () => {
  server.close()
  await broker.close()
})
