/**
 * `passwordFile`: user names and passwords from a file, or from entries that the host has.
 * Owns the options; how passwords are checked is in password-authenticator.ts.
 */
import type { Client } from '../../../types/client.js'
import { Auth } from '../auth.js'
import { type AuthOptions, authOptions, clockOf, optionError } from '../options.js'
import { addressOf } from '../util/address.js'
import { readText } from '../util/files.js'
import type { HashLimits } from './hash-queue.js'
import { PasswordAuthenticator } from './password-authenticator.js'
import { type Hashes, parsePasswordFile, readEntries } from './password-lines.js'

/** How passwords are checked. */
export interface PasswordFileOptions extends AuthOptions, HashLimits {
  /**
   * Milliseconds that a right password is remembered, as a keyed digest, so that a client which comes back costs no
   * hash; 0 for never. @default 60000
   */
  rememberMs?: number
  /**
   * Which clients share a bound: behind a proxy, all have its address. @default the address of the connection, of IPv6
   * its network of 64 bits
   */
  addressOf?: (client: Client) => string
}

/** User name -> hash, as `hashPassword` makes it. A map, or an object, is read again at each reload. */
export type PasswordEntries = Readonly<Record<string, string>> | ReadonlyMap<string, string>

/** A file, or entries, or a function that is asked for them, again at each reload. */
export type PasswordSource = string | PasswordEntries | (() => PasswordEntries)

/**
 * Accepts clients with a user name and password of the file.
 * @param source the path of a file with a line `name:hash` for each user, as `anax passwd` and `mosquitto_passwd` write
 * it; or the hashes themselves, or a function that returns them
 * @throws AnaxError ANAX_ERR_OPTION where the file cannot be read or a line is not acceptable
 */
export function passwordFile(source: PasswordSource, options: PasswordFileOptions = {}): Auth {
  const { rememberMs = 60_000, addressOf: address = addressOf, ...limits } = options
  if (!(rememberMs >= 0)) throw optionError('rememberMs is a number of milliseconds')
  for (const name of ['concurrency', 'maxWaiting', 'maxPerAddress'] as const) {
    const value = limits[name]
    if (value !== undefined && !(Number.isInteger(value) && value >= 1))
      throw optionError(`${name} is a whole number above 0`)
  }
  const authenticator = new PasswordAuthenticator({
    ...limits,
    name: typeof source === 'string' ? source : 'passwords',
    clock: clockOf(options),
    rememberMs,
    addressOf: address,
    read: () => readHashes(source),
  })
  return new Auth({ authenticator }, authOptions(options))
}

function readHashes(source: PasswordSource): Hashes {
  if (typeof source === 'string') return parsePasswordFile(readText(source), source)
  const entries = typeof source === 'function' ? source() : source
  if (typeof entries !== 'object' || entries === null)
    throw optionError('passwordFile takes a path, or names with hashes')
  return readEntries(entries instanceof Map ? entries : Object.entries(entries))
}
