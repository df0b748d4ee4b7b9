/**
 * One process for each processor core, all on one port: together they are one broker. Needs a NATS server with
 * JetStream, on this machine or elsewhere:
 *
 *   nats-server -js
 *   node dist/examples/cluster/processes.js
 *   mosquitto_sub -t 'hello/#' -v &  mosquitto_pub -t hello/world -m hi
 */
import cluster from 'node:cluster'
import { createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { createBroker } from 'anax'
import { natsCluster } from 'anax/nats'

const { PORT = '1883', NATS = '127.0.0.1:4222', PROCESSES = `${availableParallelism()}` } = process.env

if (cluster.isPrimary) {
  let isStopping = false
  const startProcess = (index: number) => {
    const worker = cluster.fork({ INDEX: String(index) })
    // a process that dies is replaced, and under the same name it need not wait for the lease of the one before
    worker.on('exit', () => {
      if (!isStopping) startProcess(index)
    })
  }
  for (let index = 0; index < Number(PROCESSES); index++) startProcess(index)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      isStopping = true
      for (const worker of Object.values(cluster.workers ?? {})) worker?.kill(signal)
    })
  }
} else {
  const engine = natsCluster({ servers: NATS, replicas: 1, prefix: 'example-processes' })
  const broker = await createBroker({ id: `process-${process.env.INDEX}`, cluster: engine })
  const server = createServer({ noDelay: true }, broker.handle)
  server.listen(Number(PORT), '127.0.0.1', () => {
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : PORT
    console.log(`${broker.id} (${process.pid}) serves mqtt://127.0.0.1:${port}`)
  })
  const stop = async () => {
    server.close()
    await broker.drain()
    await broker.close()
    process.exit()
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
}
