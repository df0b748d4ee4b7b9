/**
 * A node in its own process, to be killed and suspended. Reports to its parent what its broker does.
 * Arguments: port, id, servers, milliseconds of the lease.
 */
import { createServer } from 'node:net'
import { createBroker } from '../../../../lib/index.js'
import { natsCluster } from '../../../../lib/nats/index.js'
import type { Broker } from '../../../../types/broker/broker.js'
import { textOf } from './memory.js'

const EVENTS = [
  'sessionEnded',
  'sessionTakenOver',
  'leaseLost',
  'drop',
  'storeError',
  'hookError',
  'publishRefused',
] as const

const [port, id, servers, leaseMs] = process.argv.slice(2)
const urls = servers!.split(',')
const cluster = natsCluster({ servers: urls, replicas: urls.length as 1 | 3, connection: { timeout: 2000 } })
const broker = await started()
for (const name of EVENTS) {
  broker.on(name as 'drop', ((...args: unknown[]) => process.send?.({ name, args: args.map(textOf) })) as never)
}
process.on('message', () => process.send?.({ name: 'stats', args: [JSON.stringify(broker.cluster ?? null)] }))
process.once('disconnect', () => process.exit())
createServer({ noDelay: true }, broker.handle).listen(Number(port), '127.0.0.1', () => {
  process.send?.({ name: 'ready', args: [] })
})

/** The servers may be electing a leader. */
async function started(): Promise<Broker> {
  for (;;) {
    try {
      return await createBroker({ id: id!, cluster, leaseMs: Number(leaseMs) })
    } catch (error) {
      process.send?.({ name: 'storeError', args: [String(error)] })
    }
    await new Promise(resolve => setTimeout(resolve, 300))
  }
}
