/** Chooses the store of the command's broker. Knows stores; knows no listener. */
import type { Cluster } from '../../../types/cluster.js'
import type { AedesPersistence } from '../../../types/persistence.js'
import { natsCluster } from '../../nats/index.js'
import { createLmdbPersistence, type Verification } from '../../persistence/lmdb/lmdb.js'
import { CommandError } from '../command-error.js'
import type { ClusterSettings } from '../options/cluster.js'
import type { Settings } from '../options/settings.js'
import { readTextFile } from '../text-file.js'
import { makePrivate } from './private-files.js'

export interface Store {
  /** Options of the broker; empty for its own store in memory. */
  options: { persistence?: AedesPersistence; cluster?: Cluster; id?: string }
  /** For the start-up message. */
  description: string
}

/** @throws CommandError if a package is missing, or a file cannot be read */
export async function storeOf({ data, verify, cluster, id }: Settings): Promise<Store> {
  const store = cluster === undefined ? storeIn(data, verify) : await inCluster(cluster)
  return id === undefined ? store : { ...store, options: { ...store.options, id } }
}

async function inCluster({ options, files }: ClusterSettings): Promise<Store> {
  if (!isInstalled('@nats-io/transport-node') || !isInstalled('@nats-io/jetstream')) {
    throw new CommandError('a cluster needs two packages: npm install @nats-io/transport-node @nats-io/jetstream')
  }
  const { servers, replicas = 3 } = options
  const holders = replicas === 1 ? 'one server' : `a majority of ${replicas} servers`
  return {
    options: { cluster: natsCluster({ ...options, connection: await connectionOf(files) }) },
    // a password is not shown
    description: `cluster on NATS at ${servers.map(server => server.slice(server.lastIndexOf('@') + 1)).join(', ')}; what is acknowledged is on ${holders}`,
  }
}

/** @throws CommandError where a file cannot be read */
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

/**
 * @param folder undefined keeps everything in memory
 * @param verify how thoroughly the folder is verified when it is opened
 * @throws CommandError if the package for a folder is missing
 */
function storeIn(folder: string | undefined, verify: Verification): Store {
  if (folder === undefined) {
    return { options: {}, description: 'memory; sessions and retained messages end with the process' }
  }
  if (!isInstalled('lmdb')) {
    throw new CommandError('a store on disk needs the package lmdb: npm install lmdb, or start with --memory')
  }
  makePrivate(folder)
  return {
    options: { persistence: createLmdbPersistence({ path: folder, verify }) },
    description: `folder ${folder}; sessions and retained messages outlive the process`,
  }
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name)
    return true
  } catch {
    return false
  }
}
