/** The sub-commands for the folder of a store: their arguments and functions. Reads and writes no store itself. */
import { usageError } from '../command-error.js'
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

/** The sub-command of a command line; undefined if it is none of these. @throws CommandError */
export function storeCommand([name, ...paths]: readonly string[]): StoreCommand | undefined {
  const row = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (row === undefined) return undefined
  if (paths.length < row.min || paths.length > row.max) throw usageError(`${name} takes ${row.takes}`)
  return { name: 'store', run: () => row.run(paths) }
}
