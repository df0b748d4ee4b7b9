/**
 * User names and passwords: scrypt hashes in a file, and the check of what a client sends.
 * Knows hashes and lines of the file; knows no broker and no option.
 */
import { createHmac, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

interface PasswordHash {
  cost: number
  blockSize: number
  parallelization: number
  salt: Buffer
  key: Buffer
}

const KEY_BYTES = 32
const SALT_BYTES = 16
const COST = { cost: 16_384, blockSize: 8, parallelization: 1 }

/** What scrypt may use; a file that asks for more is refused. */
const MAX_MEMORY_BYTES = 256 * 1024 * 1024

/** A line of the file: the name, and after the first colon the hash with its parameters. */
const LINE = /^([^:]+):\$scrypt\$N=(\d+),r=(\d+),p=(\d+)\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/

/** The line for a user. */
export async function passwordLine(name: string, password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const key = await derive(Buffer.from(password), salt, KEY_BYTES, COST)
  const { cost, blockSize, parallelization } = COST
  const parameters = `N=${cost},r=${blockSize},p=${parallelization}`
  return `${name}:$scrypt$${parameters}$${salt.toString('base64')}$${key.toString('base64')}`
}

/** The users that may connect. */
export class Users {
  readonly #hashes = new Map<string, PasswordHash>()
  /** Passwords that are known to be right, so that a client that comes back costs no second scrypt. */
  readonly #digests = new Map<string, Buffer>()
  readonly #digestKey = randomBytes(32)

  /** A user whose password is at hand in plain text. */
  add(name: string, password: string): void {
    this.#digests.set(name, this.#digest(Buffer.from(password)))
  }

  /**
   * Takes the lines of a password file; empty ones and those that begin with # are comments.
   * @returns the number of the first line that is not acceptable, or undefined
   */
  load(content: string): number | undefined {
    for (const [index, line] of content.split(/\r?\n/).entries()) {
      if (line === '' || line.startsWith('#')) continue
      const entry = parseLine(line)
      if (entry === undefined) return index + 1
      this.#hashes.set(entry.name, entry.hash)
    }
    return undefined
  }

  async accepts(name: string, password: Buffer): Promise<boolean> {
    const digest = this.#digest(password)
    const known = this.#digests.get(name)
    if (known !== undefined && timingSafeEqual(known, digest)) return true
    const right = await matches(password, this.#hashes.get(name))
    if (right) this.#digests.set(name, digest)
    return right
  }

  #digest(password: Buffer): Buffer {
    return createHmac('sha256', this.#digestKey).update(password).digest()
  }
}

/** Takes as long for a user who does not exist, so that time tells nobody who does. */
const NOBODY: PasswordHash = { ...COST, salt: randomBytes(SALT_BYTES), key: randomBytes(KEY_BYTES) }

async function matches(password: Buffer, hash: PasswordHash | undefined): Promise<boolean> {
  const { salt, key, ...options } = hash ?? NOBODY
  const derived = await derive(password, salt, key.length, options)
  return timingSafeEqual(derived, key) && hash !== undefined
}

function parseLine(line: string): { name: string; hash: PasswordHash } | undefined {
  const [, name, cost, blockSize, parallelization, salt = '', key = ''] = LINE.exec(line) ?? []
  if (name === undefined) return undefined
  const hash = {
    cost: Number(cost),
    blockSize: Number(blockSize),
    parallelization: Number(parallelization),
    salt: Buffer.from(salt, 'base64'),
    key: Buffer.from(key, 'base64'),
  }
  return isUsable(hash) ? { name, hash } : undefined
}

function isUsable({ cost, blockSize, parallelization, key }: PasswordHash): boolean {
  const powerOfTwo = cost > 1 && Number.isInteger(Math.log2(cost))
  const memory = 128 * blockSize * (cost + parallelization)
  return powerOfTwo && blockSize > 0 && parallelization > 0 && memory < MAX_MEMORY_BYTES && key.length >= SALT_BYTES
}

function derive(password: Buffer, salt: Buffer, bytes: number, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, { ...options, maxmem: MAX_MEMORY_BYTES }, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}
