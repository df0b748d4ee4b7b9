/**
 * Checks user names and passwords against hashes. The work is the same whether the user exists or not, it is limited,
 * and a client that reconnects soon needs none. Owns these guarantees; must not know where the hashes are stored.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Client } from '../../../types/client/client.js'
import type { Clock } from '../../../types/clock.js'
import { ReasonCode } from '../../index.js'
import type { ProvenSubject, Subject } from '../identity.js'
import type { Attempt, Authenticator, Outcome, Refused } from '../parts.js'
import { ExpiringMap } from '../util/expiring-map.js'
import { type HashLimits, HashQueue } from './hash-queue.js'
import { type PasswordHash, parseHash, verify } from './hashes.js'
import type { Hashes } from './password-lines.js'
import { SharedChecks } from './shared-checks.js'

export interface PasswordAuthenticatorOptions extends HashLimits {
  name: string
  clock: Clock
  /** How long a success is remembered, in milliseconds. */
  rememberMs: number
  addressOf(client: Client): string
  /** Reads the hashes again. */
  read(): Hashes
}

/** Maximum number of remembered successes. */
const MAX_REMEMBERED = 10_000

/** Longer than any real password, and short enough to be hashed quickly. */
const MAX_PASSWORD_BYTES = 4096

/** The hash for unknown users when there are no users at all. */
const NOBODY = parseHash(`$scrypt$ln=14,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`)!

/** One attempt, with the hash to compare. */
interface Check {
  client: Client
  username: string
  password: Buffer
  hash: PasswordHash
  /** The same for the same user name, hash and password. */
  digest: Buffer
}

export class PasswordAuthenticator implements Authenticator {
  readonly name: string
  readonly #options: PasswordAuthenticatorOptions
  readonly #queue: HashQueue
  readonly #checks = new SharedChecks()
  readonly #secret = randomBytes(32)
  readonly #successes: ExpiringMap<Buffer>
  readonly #listeners: (() => void)[] = []
  #hashes: Hashes
  /** One hash for each cost among the users, so that an unknown user costs the same as one of them. */
  #costs: PasswordHash[]

  constructor(options: PasswordAuthenticatorOptions) {
    this.name = options.name
    this.#options = options
    const { clock } = options
    this.#queue = new HashQueue(options, () => clock.monotonic?.() ?? clock.now())
    this.#successes = new ExpiringMap({ clock: options.clock, max: MAX_REMEMBERED, ttlMs: options.rememberMs })
    this.#hashes = options.read()
    this.#costs = [...this.#hashes.values()]
  }

  /** The number of computed hashes. */
  get work(): number {
    return this.#queue.done
  }

  async authenticate({ client, username, password = Buffer.alloc(0) }: Attempt): Promise<Outcome> {
    const hash = username === undefined ? undefined : this.#hashes.get(username)
    if (username === undefined || hash === undefined) return undefined
    const accepted = { identity: { username }, by: this, proof: hash.text }
    const digest = this.#digest(username, hash, password)
    if (this.#isRemembered(username, digest)) return accepted
    const isRight = await this.#check({ client, username, password, hash, digest })
    if (isRight === undefined) return this.#busy()
    if (!isRight) return { denied: 'wrong-password', by: this }
    this.#successes.set(username, digest)
    return accepted
  }

  async decoy({ client, username, password = Buffer.alloc(0) }: Attempt): Promise<Refused | undefined> {
    if (username === undefined) return undefined
    const digest = this.#digest(username, NOBODY, password)
    const computed = await this.#check({ client, username, password, hash: this.#likenessOf(username), digest })
    return computed === undefined ? this.#busy() : undefined
  }

  stillKnows({ username, proof }: ProvenSubject): boolean {
    return username !== undefined && this.#hashes.get(username)?.text === proof
  }

  mightKnow({ username }: Subject): boolean {
    return username !== undefined && this.#hashes.has(username)
  }

  reload(): void {
    this.#hashes = this.#options.read()
    this.#costs = [...this.#hashes.values()]
    this.#successes.clear()
    for (const listener of this.#listeners) listener()
  }

  watch(listener: () => void): void {
    this.#listeners.push(listener)
  }

  #busy(): Refused {
    return { denied: 'too-many-attempts', by: this, refusal: { reasonCode: ReasonCode.ServerBusy } }
  }

  /**
   * Checks a password, unless all clients that sent it have disconnected. It is empty or too long: then it is wrong.
   * @returns undefined, immediately or later, if there is no room
   */
  #check({ client, username, password, hash, digest }: Check): Promise<boolean | undefined> | undefined {
    const address = this.#options.addressOf(client)
    const isPossible = password.length > 0 && password.length <= MAX_PASSWORD_BYTES
    return this.#checks.run(`${address} ${digest.toString('base64')}`, client, isAwaited =>
      this.#queue.run(address, () => {
        if (!isAwaited()) return undefined
        // while this attempt waited, a client from another address may have sent the same
        return this.#isRemembered(username, digest) || (isPossible && verify(hash, password))
      }),
    )
  }

  /**
   * The hash to compute for an unknown user: always the same for one name, so that its cost is as constant as that of a
   * real user.
   */
  #likenessOf(username: string): PasswordHash {
    if (this.#costs.length === 0) return NOBODY
    const number = createHmac('sha256', this.#secret).update(username).digest().readUInt32BE()
    return this.#costs[number % this.#costs.length]!
  }

  /** A keyed digest of name, hash and password. The key exists only in this process, so the digest reveals nothing. */
  #digest(username: string, hash: PasswordHash, password: Buffer): Buffer {
    const name = Buffer.from(username)
    const lengths = Buffer.alloc(8)
    lengths.writeUInt32BE(name.length, 0)
    lengths.writeUInt32BE(hash.text.length, 4)
    return createHmac('sha256', this.#secret).update(lengths).update(name).update(hash.text).update(password).digest()
  }

  #isRemembered(username: string, digest: Buffer): boolean {
    const known = this.#successes.get(username)
    return known !== undefined && timingSafeEqual(known, digest)
  }
}
