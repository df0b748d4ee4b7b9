/**
 * `scram`: enhanced authentication in which no password is sent, and both sides prove that they know it. Owns the
 * exchange; credentials.ts has the stored form, messages.ts the sent form.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { ExtendedAuthentication } from '../../../types/broker/hooks.js'
import type { Client } from '../../../types/client/client.js'
import type { MaybePromise } from '../../../types/persistence.js'
import { Auth } from '../auth.js'
import type { DenialCode } from '../hooks/denials.js'
import { type ProvenSubject, type Subject, subjectOf } from '../identity.js'
import { type AuthOptions, authOptions, optionError } from '../options.js'
import type { Authenticator, ExtendedOutcome, Refused } from '../parts.js'
import { HASHES, parseCredentials, type ScramCredentials, type ScramMethod, saslPrep } from './credentials.js'
import { type FirstMessage, readFinal, readFirst } from './messages.js'
import { type SecretOptions, secretOf } from './secret.js'

/**
 * User name -> result of {@link scramCredentials}; or a function that looks it up, and returns undefined for an unknown
 * user.
 */
export type ScramUsers =
  | Readonly<Record<string, string>>
  | ReadonlyMap<string, string>
  | ((username: string, method: ScramMethod) => MaybePromise<string | undefined>)

/** The users, and the methods. */
export interface ScramOptions extends AuthOptions, SecretOptions {
  users: ScramUsers
  /** @default both */
  methods?: readonly ScramMethod[]
  /** The number of rounds that an unknown user appears to have. @default 10000, as in scramCredentials */
  iterations?: number
}

/** The state between the two messages of a client. */
interface Exchange {
  method: ScramMethod
  first: FirstMessage
  username: string
  credentials: ScramCredentials | undefined
  nonce: string
  serverFirst: string
}

/**
 * Accepts clients that prove to know a password, with SCRAM-SHA-256 or SCRAM-SHA-512 as authentication method of MQTT
 * 5.0. Clients without a method are left to other modules.
 * @throws AnaxError ANAX_ERR_OPTION for an unknown method or invalid credentials
 */
export function scram(options: ScramOptions): Auth {
  const { users, methods = Object.keys(HASHES) as ScramMethod[] } = options
  if (methods.length === 0 || !methods.every(method => Object.hasOwn(HASHES, method))) {
    throw optionError(`methods has at least one of ${Object.keys(HASHES).join(', ')}`)
  }
  if (typeof users !== 'function') {
    for (const [name, text] of users instanceof Map ? users : Object.entries(users)) {
      if (parseCredentials(String(text)) === undefined) throw optionError(`the credentials of ${JSON.stringify(name)}`)
    }
  }
  return new Auth({ authenticator: new ScramAuthenticator(options, new Set(methods)) }, authOptions(options))
}

class ScramAuthenticator implements Authenticator {
  readonly name = 'scram'
  readonly #users: ScramUsers
  readonly #methods: ReadonlySet<ScramMethod>
  readonly #iterations: number
  readonly #exchanges = new WeakMap<Client, Exchange>()
  /** The key for the salts of unknown users: they get the same salt every time, like existing users. */
  readonly #secret: Buffer
  readonly #listeners: (() => void)[] = []

  constructor(options: ScramOptions, methods: ReadonlySet<ScramMethod>) {
    const { users, iterations = 10_000 } = options
    this.#secret = secretOf(options)
    this.#users = users
    this.#methods = methods
    this.#iterations = iterations
  }

  step(client: Client, { method, data, step }: ExtendedAuthentication): MaybePromise<ExtendedOutcome | undefined> {
    if (!this.#methods.has(method as ScramMethod)) return undefined
    return step === 'continue' ? this.#finish(client, data) : this.#begin(client, method as ScramMethod, data)
  }

  async stillKnows({ username, proof }: ProvenSubject): Promise<boolean> {
    const { method, storedKey } = proof as ScramCredentials
    const now = username === undefined ? undefined : await this.#lookup(username, method)
    return now?.storedKey.equals(storedKey) === true
  }

  async mightKnow({ username }: Subject): Promise<boolean> {
    for (const method of username === undefined ? [] : this.#methods) {
      if ((await this.#lookup(username!, method)) !== undefined) return true
    }
    return false
  }

  reload(): void {
    for (const listener of this.#listeners) listener()
  }

  watch(listener: () => void): void {
    this.#listeners.push(listener)
  }

  async #begin(client: Client, method: ScramMethod, data: Buffer | undefined): Promise<ExtendedOutcome> {
    this.#exchanges.delete(client)
    const first = readFirst(data)
    const username = first && saslPrep(first.username)
    if (first === undefined || username === undefined) return this.#refused('malformed-credentials')
    if (first.authorizationId !== undefined && first.authorizationId !== first.username) {
      return this.#refused('identity-mismatch')
    }
    const credentials = await this.#lookup(username, method)
    const { salt, iterations } = credentials ?? this.#imaginary(username, method)
    const nonce = `${first.nonce}${randomBytes(18).toString('base64')}`
    const serverFirst = `r=${nonce},s=${salt.toString('base64')},i=${iterations}`
    this.#exchanges.set(client, { method, first, username, credentials, nonce, serverFirst })
    return { verdict: { result: 'continue', data: Buffer.from(serverFirst) } }
  }

  #finish(client: Client, data: Buffer | undefined): ExtendedOutcome {
    const exchange = this.#exchanges.get(client)
    this.#exchanges.delete(client)
    const final = readFinal(data)
    if (exchange === undefined || final === undefined) return this.#refused('malformed-credentials')
    const { method, first, credentials, nonce, serverFirst, username } = exchange
    if (final.nonce !== nonce || final.channelBinding !== first.header) return this.#refused('proof-wrong')
    const hash = HASHES[method]
    // the same work for a user who does not exist
    const { storedKey, serverKey } = credentials ?? { storedKey: this.#secret, serverKey: this.#secret }
    const signed = `${first.bare},${serverFirst},${final.withoutProof}`
    const clientKey = xor(final.proof, createHmac(hash, storedKey).update(signed).digest())
    const isRight = isEqual(createHash(hash).update(clientKey).digest(), storedKey)
    const signature = createHmac(hash, serverKey).update(signed).digest('base64')
    if (credentials === undefined) return this.#refused('unknown-user')
    if (!isRight) return this.#refused('proof-wrong')
    const subject = subjectOf(client)
    // a re-authentication must be of the same user
    if (client.connected && subject.username !== username) return this.#refused('identity-mismatch')
    return {
      verdict: { result: 'success', data: Buffer.from(`v=${signature}`) },
      accepted: { identity: { username }, by: this, proof: credentials },
    }
  }

  async #lookup(username: string, method: ScramMethod): Promise<ScramCredentials | undefined> {
    const users = this.#users
    const text = typeof users === 'function' ? await users(username, method) : ownEntry(users, username)
    const credentials = text === undefined ? undefined : parseCredentials(text)
    return credentials?.method === method ? credentials : undefined
  }

  /** Salt and rounds of an unknown user. They differ for each method, like those of an existing user. */
  #imaginary(username: string, method: ScramMethod): { salt: Buffer; iterations: number } {
    const salt = createHmac('sha256', this.#secret).update(`${method} ${username}`).digest().subarray(0, 16)
    return { salt, iterations: this.#iterations }
  }

  #refused(denied: DenialCode): Refused {
    return { denied, by: this }
  }
}

function ownEntry(users: Exclude<ScramUsers, (...args: never[]) => unknown>, name: string): string | undefined {
  if (users instanceof Map) return users.get(name)
  return Object.hasOwn(users, name) ? (users as Readonly<Record<string, string>>)[name] : undefined
}

/** XOR of two values; zeros if their lengths differ, which no valid proof has. */
function xor(one: Buffer, other: Buffer): Buffer {
  if (one.length !== other.length) return Buffer.alloc(other.length)
  return Buffer.from(one.map((byte, index) => byte ^ other[index]!))
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
