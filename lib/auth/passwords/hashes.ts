/**
 * The formats of password hashes: scrypt and argon2id as PHC strings, and Mosquitto's. Owns the limits of their
 * parameters; knows no user and no file.
 */
import { createHash, pbkdf2, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { optionError } from '../options.js'
import { argon2id } from './argon2.js'

/** A parsed hash. */
export interface PasswordHash {
  /** The hash in its text form. */
  readonly text: string
  /** Format and cost: hashes with equal values take the same time. */
  readonly cost: string
  /** Derives a key from a password, with this hash's salt and cost. */
  derive(password: Buffer): Promise<Buffer>
  readonly key: Buffer
}

/** Formats of new hashes. Mosquitto 2 also reads `mosquitto`. */
export type HashFormat = 'scrypt' | 'argon2id' | 'mosquitto'

const SALT_BYTES = 16
/** Mosquitto 2.0 reads only salts of this length. */
const MOSQUITTO_SALT_BYTES = 12
const KEY_BYTES = 32
const MIN_KEY_BYTES = 16
const SCRYPT = { N: 16_384, r: 8, p: 1 }
const ARGON2 = { memory: 19_456, passes: 2, parallelism: 1 }
const MOSQUITTO_ROUNDS = 1000

/** The limits of parameters in a file: with higher ones, the author of the file could block the broker. */
const MAX_SCRYPT_BYTES = 256 * 1024 * 1024
/** The limit of computed blocks: more than a hundred times that of `hashPassword`. */
const MAX_SCRYPT_BLOCKS = 2 ** 24
const MAX_ROUNDS = 10_000_000
const MAX_ARGON2_KIB = 1024 * 1024
const MAX_PASSES = 64

/** Whether the hash is of this password. */
export async function verify(hash: PasswordHash, password: Buffer): Promise<boolean> {
  const derived = await hash.derive(password)
  return derived.length === hash.key.length && timingSafeEqual(derived, hash.key)
}

/**
 * Hashes a password, for a file or a database.
 * @throws AnaxError ANAX_ERR_OPTION for an empty password, and for argon2id if it is neither in Node.js nor in an
 * installed `hash-wasm`
 */
export async function hashPassword(password: string | Buffer, format: HashFormat = 'scrypt'): Promise<string> {
  const salt = randomBytes(format === 'mosquitto' ? MOSQUITTO_SALT_BYTES : SALT_BYTES)
  const secret = Buffer.from(password)
  if (secret.length === 0) throw optionError('a password is not empty')
  if (format === 'mosquitto') {
    const key = await pbkdf2Key(secret, salt, MOSQUITTO_ROUNDS, 64)
    return `$7$${MOSQUITTO_ROUNDS}$${salt.toString('base64')}$${key.toString('base64')}`
  }
  if (format === 'argon2id') {
    const key = await argon2id(secret, salt, KEY_BYTES, ARGON2)
    return `$argon2id$v=19$m=${ARGON2.memory},t=${ARGON2.passes},p=${ARGON2.parallelism}$${bare(salt)}$${bare(key)}`
  }
  const key = await scryptKey(secret, salt, KEY_BYTES, SCRYPT)
  return `$scrypt$ln=${Math.log2(SCRYPT.N)},r=${SCRYPT.r},p=${SCRYPT.p}$${bare(salt)}$${bare(key)}`
}

/** @returns undefined for an invalid hash, or one whose cost is too high */
export function parseHash(text: string): PasswordHash | undefined {
  const [, scheme = ''] = text.split('$')
  switch (scheme) {
    case 'scrypt':
      return parseScrypt(text)
    case 'argon2id':
      return parseArgon2(text)
    case '6':
      return parseMosquitto6(text)
    case '7':
      return parseMosquitto7(text)
    default:
      return undefined
  }
}

const BASE64 = '([A-Za-z0-9+/]+={0,2})'
const SCRYPT_TEXT = new RegExp(`^\\$scrypt\\$(?:ln=(\\d+)|N=(\\d+)),r=(\\d+),p=(\\d+)\\$${BASE64}\\$${BASE64}$`)
const ARGON2_TEXT = new RegExp(`^\\$argon2id\\$v=19\\$m=(\\d+),t=(\\d+),p=(\\d+)\\$${BASE64}\\$${BASE64}$`)
const MOSQUITTO6_TEXT = new RegExp(`^\\$6\\$${BASE64}\\$${BASE64}$`)
const MOSQUITTO7_TEXT = new RegExp(`^\\$7\\$(\\d+)\\$${BASE64}\\$${BASE64}$`)

function parseScrypt(text: string): PasswordHash | undefined {
  const [, exponent, count, blockSize, parallelization, salt = '', encoded = ''] = SCRYPT_TEXT.exec(text) ?? []
  if (blockSize === undefined) return undefined
  const N = exponent === undefined ? Number(count) : 2 ** Number(exponent)
  const options = { N, r: Number(blockSize), p: Number(parallelization) }
  const isPowerOfTwo = N > 1 && Number.isInteger(Math.log2(N))
  const bytes = 128 * options.r * (N + options.p)
  if (!isPowerOfTwo || options.r < 1 || options.p < 1 || bytes >= MAX_SCRYPT_BYTES) return undefined
  if (N * options.r * options.p > MAX_SCRYPT_BLOCKS) return undefined
  const saltBytes = decoded(salt)
  return usable(text, `scrypt ${N} ${options.r} ${options.p}`, decoded(encoded), (password, length) =>
    scryptKey(password, saltBytes, length, options),
  )
}

function parseArgon2(text: string): PasswordHash | undefined {
  const [, m, t, p, salt = '', encoded = ''] = ARGON2_TEXT.exec(text) ?? []
  if (m === undefined) return undefined
  const cost = { memory: Number(m), passes: Number(t), parallelism: Number(p) }
  const { memory, passes, parallelism } = cost
  const isSane = passes >= 1 && passes <= MAX_PASSES && parallelism >= 1 && parallelism <= 255
  if (!isSane || memory < 8 * parallelism || memory > MAX_ARGON2_KIB) return undefined
  const saltBytes = decoded(salt)
  if (saltBytes.length < 8) return undefined
  return usable(text, `argon2id ${m} ${t} ${p}`, decoded(encoded), (password, length) =>
    argon2id(password, saltBytes, length, cost),
  )
}

function parseMosquitto6(text: string): PasswordHash | undefined {
  const [, salt, encoded = ''] = MOSQUITTO6_TEXT.exec(text) ?? []
  if (salt === undefined) return undefined
  const saltBytes = decoded(salt)
  return usable(text, 'mosquitto 6', decoded(encoded), async password =>
    createHash('sha512').update(password).update(saltBytes).digest(),
  )
}

function parseMosquitto7(text: string): PasswordHash | undefined {
  const [, iterations, salt = '', encoded = ''] = MOSQUITTO7_TEXT.exec(text) ?? []
  const rounds = Number(iterations)
  if (!(rounds >= 1 && rounds <= MAX_ROUNDS)) return undefined
  const saltBytes = decoded(salt)
  return usable(text, `mosquitto 7 ${rounds}`, decoded(encoded), (password, length) =>
    pbkdf2Key(password, saltBytes, rounds, length),
  )
}

function usable(
  text: string,
  cost: string,
  key: Buffer,
  derive: (password: Buffer, length: number) => Promise<Buffer>,
): PasswordHash | undefined {
  if (key.length < MIN_KEY_BYTES || key.length > 1024) return undefined
  return { text, cost, key, derive: password => derive(password, key.length) }
}

function scryptKey(password: Buffer, salt: Buffer, length: number, { N, r, p }: typeof SCRYPT): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, { N, r, p, maxmem: 2 * MAX_SCRYPT_BYTES }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })
}

function pbkdf2Key(password: Buffer, salt: Buffer, rounds: number, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, rounds, length, 'sha512', (error, key) => (error === null ? resolve(key) : reject(error)))
  })
}

/** Base64 without padding, as in PHC strings. */
function bare(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}

function decoded(text: string): Buffer {
  return Buffer.from(text, 'base64')
}
