/** Parses the lines of a password file, ours or Mosquitto's: `name:hash`. Owns the syntax; knows no client. */
import { optionError } from '../options.js'
import { demandArgon2 } from './argon2.js'
import { type PasswordHash, parseHash } from './hashes.js'

/** User name -> hash. */
export type Hashes = Map<string, PasswordHash>

/** Longest name that fits into a CONNECT packet, as in Mosquitto. */
const MAX_NAME_BYTES = 65_535

/** White space as in C's `isspace`; similar characters are part of a name. */
const BLANKS_AT_ENDS = /^[ \t\v\f\r]+|[ \t\v\f\r]+$/g

/**
 * Parses a file. Names are trimmed; a second colon and anything after it are ignored; empty lines and lines that begin
 * with `#` are skipped; of several lines for one user, the last one counts.
 * @throws AnaxError ANAX_ERR_OPTION with the number of the first invalid line
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
 * @throws AnaxError ANAX_ERR_OPTION with the name of the first invalid entry
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
