/** The options of the LMDB store, with their defaults and checks. Opens nothing. */
import { AnaxError } from '../../errors.js'
import type { Verification } from './engine/environment.js'
import type { LmdbDurability } from './engine/writer.js'

/** Options of the LMDB store. */
export interface LmdbPersistenceOptions {
  /** The folder, which is created if it does not exist. Only one process at a time may have it open. */
  path: string
  /**
   * What an acknowledgement guarantees: the message survives a crash of the process, or a power cut as well.
   * @default 'commit'
   */
  durability?: LmdbDurability
  /**
   * How thoroughly an existing file is verified, in a separate process, before it is opened: `quick` reads the pages
   * that lead to the records, `full` reads every record and its checksum, `off` trusts the file. @default 'quick'
   */
  verify?: Verification
  /** Milliseconds since the epoch, by which retained messages expire. @default Date.now */
  now?: () => number
}

const DURABILITIES: readonly LmdbDurability[] = ['commit', 'sync']
const VERIFICATIONS: readonly Verification[] = ['quick', 'full', 'off']

/** @throws AnaxError ANAX_ERR_OPTION */
export function checkOptions(options: LmdbPersistenceOptions): Required<LmdbPersistenceOptions> {
  if (typeof options !== 'object' || options === null)
    throw badOption("options are an object, such as { path: './data' }")
  const { path, durability = 'commit', verify = 'quick', now = Date.now, ...unknown } = options
  // a misspelt durability would silently be the default
  const [name] = Object.keys(unknown)
  if (name !== undefined) throw badOption(`there is no option '${name}': path, durability, verify, now`)
  if (typeof path !== 'string' || path === '') throw badOption('path must be that of a folder')
  if (!DURABILITIES.includes(durability)) throw badOption("durability must be 'commit' or 'sync'")
  if (!VERIFICATIONS.includes(verify)) throw badOption("verify must be 'quick', 'full' or 'off'")
  return { path, durability, verify, now }
}

function badOption(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_OPTION', { detail: `LMDB store: ${detail}` })
}
