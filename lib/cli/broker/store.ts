/** Chooses the store of the command's broker. Knows stores; knows no listener. */
import type { Cluster } from '../../../types/cluster.js'
import type { AedesPersistence } from '../../../types/persistence.js'
import { createLmdbPersistence, type Verification } from '../../persistence/lmdb/lmdb.js'
import { clusterOn } from '../cluster.js'
import { CommandError } from '../command-error.js'
import { isInstalled } from '../installed.js'
import type { ClusterSettings } from '../options/cluster.js'
import type { Settings } from '../options/settings.js'
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

async function inCluster(settings: ClusterSettings): Promise<Store> {
  const { servers, replicas = 3 } = settings.options
  const holders = replicas === 1 ? 'one server' : `a majority of ${replicas} servers`
  return {
    options: { cluster: await clusterOn(settings) },
    // a password is not shown
    description: `cluster on NATS at ${servers.map(server => server.slice(server.lastIndexOf('@') + 1)).join(', ')}; what is acknowledged is on ${holders}`,
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
