/**
 * Where the command's broker keeps its state. The one place that chooses a store.
 * Knows stores; knows no listener.
 */
import type { AedesPersistence } from '../../../types/persistence.js'
import { CommandError } from './command-error.js'

export interface Store {
  /** The broker's option; none for its own store in memory. */
  options: { persistence?: AedesPersistence }
  /** For the start-up message. */
  description: string
}

/** @throws CommandError */
export async function openStore(folder: string | undefined): Promise<Store> {
  if (folder !== undefined) throw new CommandError(`cannot keep data in ${folder}: this version has no durable store`)
  return { options: {}, description: 'memory; sessions and retained messages end with the process' }
}
