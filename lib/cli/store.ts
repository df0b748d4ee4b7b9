/**
 * Where the command's broker keeps its state. The one place that chooses a store.
 * Knows stores; knows no listener.
 */
import type { AedesPersistence } from '../../types/persistence.js'
import { createLmdbPersistence, type Verification } from '../persistence/lmdb/lmdb.js'
import { CommandError } from './command-error.js'

export interface Store {
  /** The broker's option; none for its own store in memory. */
  options: { persistence?: AedesPersistence }
  /** For the start-up message. */
  description: string
}

/**
 * @param folder undefined keeps everything in memory
 * @param verify how thoroughly the folder is verified when it is opened
 * @throws CommandError where the package for a folder is missing
 */
export function storeIn(folder: string | undefined, verify: Verification): Store {
  if (folder === undefined) {
    return { options: {}, description: 'memory; sessions and retained messages end with the process' }
  }
  if (!isInstalled('lmdb')) {
    throw new CommandError('a store on disk needs the package lmdb: npm install lmdb, or start with --memory')
  }
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
