/** The cluster that the options describe, for a node, an import or an export. Connects to nothing. */
import type { Cluster } from '../../types/cluster.js'
import { natsCluster } from '../nats/index.js'
import { CommandError } from './command-error.js'
import { isInstalled } from './installed.js'
import type { ClusterSettings } from './options/cluster.js'
import { readTextFile } from './text-file.js'

/** @throws CommandError if a package is missing, or a file cannot be read */
export async function clusterOn({ options, files }: ClusterSettings): Promise<Cluster> {
  if (!isInstalled('@nats-io/transport-node') || !isInstalled('@nats-io/jetstream')) {
    throw new CommandError('a cluster needs two packages: npm install @nats-io/transport-node @nats-io/jetstream')
  }
  return natsCluster({ ...options, connection: await connectionOf(files) })
}

async function connectionOf({ credentials, ca, cert, key }: ClusterSettings['files']) {
  const { credsAuthenticator } = await import('@nats-io/transport-node')
  const tls = {
    ...(ca && { ca: readTextFile(ca) }),
    ...(cert && key && { cert: readTextFile(cert), key: readTextFile(key) }),
  }
  return {
    ...(credentials && { authenticator: credsAuthenticator(Buffer.from(readTextFile(credentials))) }),
    ...(Object.keys(tls).length > 0 && { tls }),
  }
}
