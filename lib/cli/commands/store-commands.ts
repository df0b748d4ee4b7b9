/**
 * The sub-commands for the folder of a store, or for a cluster: their arguments and functions. Reads and writes no store
 * itself.
 */
import { usageError } from '../command-error.js'
import type { Values } from '../options/options.js'
import { clusterOf } from '../options/settings.js'
import { exportCluster, importIntoCluster } from './cluster-lines.js'
import { backup, check, compact } from './store-folder.js'
import { exportToFile, importFromFile, salvage } from './store-lines.js'

/** A sub-command with its arguments. */
export interface StoreCommand {
  name: 'store'
  run(): Promise<void>
}

interface Row {
  /** Its arguments, in words. */
  readonly takes: string
  readonly min: number
  readonly max: number
  run(paths: readonly string[]): Promise<void>
}

const COMMANDS: Readonly<Record<string, Row>> = {
  check: { takes: 'a folder', min: 1, max: 1, run: ([folder]) => check(folder!) },
  backup: { takes: 'a folder and a new one', min: 2, max: 2, run: ([folder, target]) => backup(folder!, target!) },
  compact: { takes: 'a folder', min: 1, max: 1, run: ([folder]) => compact(folder!) },
  salvage: { takes: 'a folder and a new one', min: 2, max: 2, run: ([folder, target]) => salvage(folder!, target!) },
  export: {
    takes: 'a folder and, unless it writes to its output, a file',
    min: 1,
    max: 2,
    run: ([from, file]) => exportToFile(from!, file),
  },
  import: {
    takes: 'a folder and, unless it reads its input, a file',
    min: 1,
    max: 2,
    run: ([to, file]) => importFromFile(to!, file),
  },
}

const ON_CLUSTER = { export: exportCluster, import: importIntoCluster } as const

/** The sub-command of a command line; undefined if it is none of these. @throws CommandError */
export function storeCommand([name, ...paths]: readonly string[], values: Values): StoreCommand | undefined {
  const cluster = name === 'export' || name === 'import' ? clusterOf(values) : undefined
  if (cluster !== undefined) {
    if (paths.length > 1) throw usageError(`${name} takes a file, or a folder without --cluster`)
    const run = ON_CLUSTER[name as keyof typeof ON_CLUSTER]
    return { name: 'store', run: () => run(cluster, paths[0]) }
  }
  const row = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (row === undefined) return undefined
  if (paths.length < row.min || paths.length > row.max) throw usageError(`${name} takes ${row.takes}`)
  return { name: 'store', run: () => row.run(paths) }
}
