/** Aedes with its default options, or with its store on disk, as a broker under test; started by start.ts. */
import { createRequire } from 'node:module'
import { Aedes } from 'aedes'
import type { Level } from 'level'
import { hostArguments, serve } from './serve.js'

const setup = hostArguments()

/** Loaded on demand, as with Anax. */
async function durable() {
  const { Level } = await import('level')
  // it has no types
  const levelPersistence: (database: Level) => object = createRequire(import.meta.url)('aedes-persistence-level')
  return { persistence: levelPersistence(new Level(setup.folder)) }
}

const broker = await Aedes.createBroker(setup.store === 'level' ? await durable() : {})
if (setup.hooks === 'authorise') {
  broker.authorizePublish = (_client, _packet, callback) => callback(null)
  broker.authorizeSubscribe = (_client, subscription, callback) => callback(null, subscription)
  broker.authorizeForward = (_client, packet) => packet
}
serve(stream => broker.handle(stream as Parameters<typeof broker.handle>[0]))
