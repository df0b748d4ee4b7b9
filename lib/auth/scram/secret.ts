/** The key for the salts of unknown users. Owns its source; must not know what is derived from it. */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { optionError } from '../options.js'
import { readText } from '../util/files.js'

export interface SecretOptions {
  /**
   * Key for the salts that unknown users appear to have, at least 16 bytes. Set this or `secretFile`. Otherwise these
   * salts change at each start, and comparing them reveals which users exist. @default random
   */
  secret?: string | Buffer
  /** A file with such a key. If it does not exist, it is created, readable for its owner only. @default none */
  secretFile?: string
}

const MIN_BYTES = 16

/** @throws AnaxError ANAX_ERR_OPTION for a short key, or a file that can be neither read nor created */
export function secretOf({ secret, secretFile }: SecretOptions): Buffer {
  if (secret !== undefined && secretFile !== undefined) throw optionError('secret or secretFile, not both')
  if (secretFile !== undefined) return checked(Buffer.from(keptIn(secretFile)), secretFile)
  return secret === undefined ? randomBytes(32) : checked(Buffer.from(secret), 'secret')
}

function checked(key: Buffer, name: string): Buffer {
  if (key.length < MIN_BYTES) throw optionError(`${name}: ${MIN_BYTES} bytes at least`)
  return key
}

function keptIn(path: string): string {
  const made = randomBytes(32).toString('base64')
  try {
    writeFileSync(path, `${made}\n`, { flag: 'wx', mode: 0o600 })
    return made
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return readText(path).trim()
    throw optionError(`cannot write ${path}`, cause)
  }
}
