/**
 * `passwordFile`: user names and passwords from a file, or from entries of the host. Owns the options;
 * password-authenticator.ts checks passwords.
 */
import type { Client } from '../../../types/client/client.js'
import { Auth } from '../auth.js'
import { type AuthOptions, authOptions, clockOf, optionError } from '../options.js'
import { addressOf } from '../util/address.js'
import { readText } from '../util/files.js'
import type { HashLimits } from './hash-queue.js'
import { PasswordAuthenticator } from './password-authenticator.js'
import { type Hashes, parsePasswordFile, readEntries } from './password-lines.js'

/** Options of `passwordFile`. */
export interface PasswordFileOptions extends AuthOptions, HashLimits {
  /**
   * How long a correct password is remembered as a keyed digest, in milliseconds, so that a reconnecting client needs
   * no hash; 0 for never. @default 60000
   */
  rememberMs?: number
  /**
   * Clients with the same result share the limits per address: behind a proxy, all clients have the same address.
   * @default the address of the connection, or its /64 network for IPv6
   */
  addressOf?: (client: Client) => string
}

/** User name -> hash, as created by `hashPassword`. A Map or an object, which is read again at each reload. */
export type PasswordEntries = Readonly<Record<string, string>> | ReadonlyMap<string, string>

/** The path of a file, entries, or a function that returns entries and is called again at each reload. */
export type PasswordSource = string | PasswordEntries | (() => PasswordEntries)

/**
 * Accepts clients with a user name and password of the file.
 * @param source the path of a file with a line `name:hash` for each user, as `anax passwd` and `mosquitto_passwd` write
 * it; or the hashes themselves, or a function that returns them
 * @throws AnaxError ANAX_ERR_OPTION if the file cannot be read or a line is invalid
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
