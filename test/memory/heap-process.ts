/** A process with a broker that reports its heap. Needs `--expose-gc`. Must not know its clients. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { createBroker } from '../../lib/index.js'
import { createMemoryPersistence } from '../../lib/persistence/memory/memory.js'

const SESSIONS = 100_000

declare const gc: () => void

const broker = await createBroker({ maxConnections: 1_000_000 })
const server = createServer(broker.handle)

function heap(): number {
  gc()
  gc()
  return process.memoryUsage().heapUsed
}

async function listen(): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** @returns bytes for each session that the broker has stored after its client disconnected */
function sessionBytes(): number {
  const clientIds = Array.from({ length: SESSIONS }, (_, i) => Buffer.from(`device-${i}`).toString())
  const store = createMemoryPersistence()
  const before = heap()
  for (const [i, clientId] of clientIds.entries()) {
    const at = Date.now() + i
    const details = {
      createdAt: at,
      address: '127.0.0.1',
      protocolVersion: 4 as const,
      connectedAt: at,
      disconnectedAt: at,
    }
    store.saveSession({ clientId, expiryInterval: 3600, expiresAt: at, details })
  }
  const bytes = (heap() - before) / SESSIONS
  return store.counts().sessions === SESSIONS ? bytes : Number.NaN
}

const answers: Record<string, () => number | Promise<number>> = {
  listen,
  heap,
  connections: () => broker.connectedClients,
  sessions: sessionBytes,
}

process.once('disconnect', () => process.exit())
process.on('message', async (request: string) => process.send!(await answers[request]!()))
