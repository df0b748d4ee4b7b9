/** Aedes with its LevelDB store, as its documentation sets it up, to be killed. Arguments: port, folder. */
import { createRequire } from 'node:module'
import { createServer, type Socket } from 'node:net'
import { sayReady } from '../processes/to-parent.js'

const require = createRequire(import.meta.url)

interface AedesBroker {
  handle(stream: Socket): void
}

interface Packages {
  aedes: { Aedes: { createBroker(options: unknown): Promise<AedesBroker> } }
  level: { Level: new (path: string) => unknown }
}

const [port, path] = process.argv.slice(2)
const { Aedes }: Packages['aedes'] = require('aedes')
const { Level }: Packages['level'] = require('level')
const levelPersistence: (database: unknown) => unknown = require('aedes-persistence-level')
// With the random id that Aedes creates at each start: its messages are numbered from 1 after each start, and with the
// same id they would overwrite queued ones.
const broker = await Aedes.createBroker({ persistence: levelPersistence(new Level(path!)) })
createServer({ noDelay: true }, socket => broker.handle(socket)).listen(Number(port), '127.0.0.1', sayReady)
