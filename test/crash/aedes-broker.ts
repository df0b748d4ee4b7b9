/** Aedes with its LevelDB store, to be killed. Arguments: port, folder. */
import { createRequire } from 'node:module'
import { createServer, type Socket } from 'node:net'

const require = createRequire(import.meta.url)

interface AedesBroker {
  handle(stream: Socket): void
}

interface Packages {
  aedes: { Aedes: { createBroker(options: unknown): Promise<AedesBroker> } }
  level: { Level: new (path: string, options: unknown) => unknown }
}

async function main(port: number, path: string): Promise<void> {
  const { Aedes }: Packages['aedes'] = require('aedes')
  const { Level }: Packages['level'] = require('level')
  const levelPersistence: (database: unknown) => unknown = require('aedes-persistence-level')
  const persistence = levelPersistence(new Level(path, { valueEncoding: 'json' }))
  const broker = await Aedes.createBroker({ id: 'crash-test', persistence })
  createServer({ noDelay: true }, socket => broker.handle(socket)).listen(port, '127.0.0.1', () =>
    console.log('listening'),
  )
}

main(Number(process.argv[2]), process.argv[3]!)
