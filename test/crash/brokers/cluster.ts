/** A node of a cluster on NATS, to be killed. Arguments: port, id, servers, milliseconds of the lease. */
import { createServer } from 'node:net'
import { createBroker } from '../../../lib/index.js'
import { natsCluster } from '../../../lib/nats/index.js'
import { sayLeaseLost, sayReady } from '../processes/to-parent.js'

const [port, id, servers, leaseMs] = process.argv.slice(2)
const urls = servers!.split(',')
const cluster = natsCluster({ servers: urls, replicas: urls.length as 1 | 3, connection: { timeout: 2000 } })

for (;;) {
  try {
    const broker = await createBroker({ id: id!, cluster, leaseMs: Number(leaseMs), maxQueuedMessages: 1_000_000 })
    broker.on('drop', ({ reason, clientId }) => console.error('drop', reason, clientId))
    broker.on('leaseLost', sayLeaseLost)
    if (process.env.ANAX_CLUSTER_LOG !== undefined) {
      for (const event of [
        'storeError',
        'leaseLost',
        'clusterChanged',
        'publishRefused',
        'clientError',
        'lateWritesRefused',
      ] as const) {
        broker.on(event, (...args: unknown[]) =>
          console.error(id, event, ...args.map(String), Math.round(performance.now())),
        )
      }
    }
    createServer({ noDelay: true }, broker.handle).listen(Number(port), '127.0.0.1', sayReady)
    break
  } catch (error) {
    // the servers may be choosing a leader
    console.error(id, String(error))
    await new Promise(resolve => setTimeout(resolve, 500))
  }
}
