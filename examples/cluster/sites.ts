/**
 * A site and the cloud as one broker: the broker of the site talks to a NATS server of the site, which is a leaf node
 * of the one in the cloud, or connected to it by a gateway (DOMAIN=none). docs/scale/cluster.md has the configuration
 * of the servers.
 *
 *   CLOUD=cloud.example:4222 SITE=127.0.0.1:4222 node dist/examples/cluster/sites.js
 *
 * Here one process has both brokers, so that it can be tried on one machine; in real life each is where its server is.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { createBroker } from 'anax'
import { natsCluster } from 'anax/nats'

const { CLOUD = '127.0.0.1:4222', SITE = '127.0.0.1:4223', CLOUD_PORT = '1883', SITE_PORT = '1884' } = process.env
const { DOMAIN = 'cloud' } = process.env

/** The streams are in the cloud, wherever the broker is. Servers with gateways have one JetStream, and no domains. */
const streams = { ...(DOMAIN !== 'none' && { domain: DOMAIN }), replicas: 1, prefix: 'example-sites' } as const
const brokers = await Promise.all([start('cloud', CLOUD, CLOUD_PORT), start('site', SITE, SITE_PORT)])
process.once('SIGTERM', async () => {
  for (const { broker, server } of brokers) {
    server.close()
    await broker.close()
  }
})

async function start(id: string, servers: string, port: string) {
  const broker = await createBroker({ id, cluster: natsCluster({ ...streams, servers }) })
  const server = createServer({ noDelay: true }, broker.handle).listen(Number(port), '127.0.0.1')
  await once(server, 'listening')
  console.log(`${id}: mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return { broker, server }
}
