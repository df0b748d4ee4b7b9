/**
 * The lines of a password file: `name:hash`, ours and Mosquitto's alike.
 * Owns how lines are read; knows no client.
 */
import { optionError } from '../options.js'
import { demandArgon2 } from './argon2.js'
import { type PasswordHash, parseHash } from './hashes.js'

/** User name -> hash. */
export type Hashes = Map<string, PasswordHash>

/** As Mosquitto: the longest that fits into a CONNECT packet. */
const MAX_NAME_BYTES = 65_535

/** White space as C's `isspace` has it: other characters that look like it are part of a name. */
const BLANKS_AT_ENDS = /^[ \t\v\f\r]+|[ \t\v\f\r]+$/g

/**
 * Reads a file. Names are trimmed, what follows the hash behind another colon is ignored, empty lines and those that
 * begin with `#` are skipped; of two lines for one user, the last counts.
 * @throws AnaxError ANAX_ERR_OPTION with the number of the first line that is not acceptable
 */
export function parsePasswordFile(content: string, name: string): Hashes {
  const hashes: Hashes = new Map()
  for (const [index, line] of content.split(/\r?\n/).entries()) {
    if (line.replaceAll(BLANKS_AT_ENDS, '') === '' || line.startsWith('#')) continue
    const [user = '', text = ''] = line.split(':').map(field => field.replaceAll(BLANKS_AT_ENDS, ''))
    const hash = parseHash(text)
    if (user === '' || Buffer.byteLength(user) > MAX_NAME_BYTES || hash === undefined) {
      throw optionError(`${name}: line ${index + 1} is not a user and a hash`)
    }
    if (hash.cost.startsWith('argon2id')) demandArgon2()
    hashes.set(user, hash)
  }
  return hashes
}

/**
 * The same from entries of the host: name -> hash.
 * @throws AnaxError ANAX_ERR_OPTION with the name of the first that is not acceptable
 */
export function readEntries(entries: Iterable<readonly [string, string]>): Hashes {
  const hashes: Hashes = new Map()
  for (const [user, text] of entries) {
    const hash = typeof text === 'string' ? parseHash(text) : undefined
    if (hash === undefined) throw optionError(`the hash of user ${JSON.stringify(user)} is not acceptable`)
    if (hash.cost.startsWith('argon2id')) demandArgon2()
    hashes.set(user, hash)
  }
  return hashes
}
