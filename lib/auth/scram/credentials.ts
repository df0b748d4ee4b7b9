/**
 * The credentials that a server stores for SCRAM (RFC 5802, RFC 7677): neither the password nor a client's proof can be
 * computed from it. Owns their text form and the preparation of names and passwords; knows no exchange.
 */
import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto'
import { optionError } from '../options.js'

/** The hash functions, by the names of the authentication methods. */
export const HASHES = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const

/** An authentication method. */
export type ScramMethod = keyof typeof HASHES

/** The keys of one user for one method. */
export interface ScramCredentials {
  method: ScramMethod
  salt: Buffer
  iterations: number
  storedKey: Buffer
  serverKey: Buffer
}

/** Rounds of the key derivation; more rounds cost the client more time, and also an attacker who steals the keys. */
const ITERATIONS = 10_000
const MIN_ITERATIONS = 4096
const SALT_BYTES = 16

/**
 * Derives the credentials to store from a password: `SCRAM-SHA-256$10000:salt$storedKey:serverKey`, as PostgreSQL
 * writes it.
 * @throws AnaxError ANAX_ERR_OPTION for an empty password, or one with characters that SASLprep forbids, and fewer than
 * 4096 rounds
 */
export async function scramCredentials(
  password: string,
  { method = 'SCRAM-SHA-256', iterations = ITERATIONS }: { method?: ScramMethod; iterations?: number } = {},
): Promise<string> {
  if (!Object.hasOwn(HASHES, method)) throw optionError(`method is one of ${Object.keys(HASHES).join(', ')}`)
  if (!(Number.isInteger(iterations) && iterations >= MIN_ITERATIONS)) throw optionError('iterations: 4096 at least')
  const prepared = saslPrep(password)
  if (prepared === '') throw optionError('a password is not empty')
  if (prepared === undefined) throw optionError('the password has forbidden characters')
  const hash = HASHES[method]
  const salt = randomBytes(SALT_BYTES)
  const salted = await derive(prepared, salt, iterations, hash)
  const clientKey = createHmac(hash, salted).update('Client Key').digest()
  const storedKey = createHash(hash).update(clientKey).digest()
  const serverKey = createHmac(hash, salted).update('Server Key').digest()
  const text = (bytes: Buffer) => bytes.toString('base64')
  return `${method}$${iterations}:${text(salt)}$${text(storedKey)}:${text(serverKey)}`
}

const TEXT = /^(SCRAM-SHA-(?:256|512))\$(\d{1,9}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/

/** @returns undefined for invalid credentials */
export function parseCredentials(text: string): ScramCredentials | undefined {
  const [, method, rounds, ...encoded] = TEXT.exec(text) ?? []
  if (method === undefined) return undefined
  const [salt, storedKey, serverKey] = encoded.map(each => Buffer.from(each, 'base64')) as [Buffer, Buffer, Buffer]
  const iterations = Number(rounds)
  const length = method === 'SCRAM-SHA-512' ? 64 : 32
  if (storedKey.length !== length || serverKey.length !== length || iterations < MIN_ITERATIONS) return undefined
  return { method: method as ScramMethod, salt, iterations, storedKey, serverKey }
}

/** Characters that are mapped to nothing, and those that are mapped to a space (RFC 4013, 2.1). */
const NOTHING = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|[\u200b-\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/g
const SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g
const FORBIDDEN =
  /[\p{Cc}\p{Co}\p{Cs}\p{Cn}]|\u0340|\u0341|\u06dd|\u070f|[\u200e\u200f\u2028-\u202e\u2061-\u206f]|[\ufff9-\ufffd]/u

/** SASLprep, so that the same text typed on two keyboards is the same. @returns undefined for forbidden characters */
export function saslPrep(text: string): string | undefined {
  const prepared = text.replaceAll(NOTHING, '').replaceAll(SPACES, ' ').normalize('NFKC')
  return FORBIDDEN.test(prepared) ? undefined : prepared
}

function derive(password: string, salt: Buffer, iterations: number, hash: 'sha256' | 'sha512'): Promise<Buffer> {
  const length = hash === 'sha256' ? 32 : 64
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, length, hash, (error, key) => (error === null ? resolve(key) : reject(error)))
  })
}
