/**
 * `anax passwd FILE NAME`: sets a user's password in a file, creating the file if necessary, or deletes the user. Owns
 * the prompt and the other lines of the file; must not know how a hash is computed.
 */
import {
  chmodSync,
  chownSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { type HashFormat, hashPassword } from '../../auth/index.js'
import { CommandError, fileError, usageError } from '../command-error.js'

/** Formats of hashes; Mosquitto reads the last one. */
export const FORMATS = ['scrypt', 'argon2id', 'mosquitto'] as const satisfies HashFormat[]

/** The outcome for the user. */
export type PasswordChange = HashFormat | 'delete'

/** @throws CommandError */
export async function changePassword(file: string, user: string, change: PasswordChange): Promise<void> {
  if (/[:\r\n]/.test(user) || user.startsWith('#') || user.trim() !== user || user === '') {
    throw usageError('a user name has no colon, no line break and no space at its ends, and does not begin with #')
  }
  const lines = readLines(file)
  const others = lines.filter(line => line.split(':')[0]?.trim() !== user || line.startsWith('#'))
  if (change === 'delete') {
    if (others.length === lines.length) throw new CommandError(`there is no user ${user} in ${file}`)
  } else {
    others.push(`${user}:${await hashPassword(await askPassword(), change)}`)
  }
  replaceFile(file, others.map(line => `${line}\n`).join(''))
  process.stdout.write(`The password of ${user} is ${change === 'delete' ? 'deleted from' : 'set in'} ${file}\n`)
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .replace(/^\uFEFF/, '')
      .trimEnd()
      .split(/\r?\n/)
      .filter(line => line !== '')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw fileError(file, error)
  }
}

/**
 * Replaces a file in one step, so that a broker that starts meanwhile reads either the old file or the new one. The new
 * file can be read by the same users as the old one, because the broker may run as another user than the one who sets
 * passwords.
 */
function replaceFile(file: string, content: string): void {
  const old = statSync(file, { throwIfNoEntry: false })
  const place = old === undefined ? file : realpathSync(file)
  const draft = `${place}.${process.pid}.new`
  try {
    writeFileSync(draft, content, { mode: 0o600, flag: 'wx' })
    if (old !== undefined) keepAccess(draft, old)
    renameSync(draft, place)
  } catch (error) {
    rmSync(draft, { force: true })
    throw new CommandError(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Copies owner, group and mode; the owner first, because a change of owner may change the mode. */
function keepAccess(file: string, { uid, gid, mode }: Stats): void {
  const own = statSync(file)
  if (own.uid !== uid || own.gid !== gid) chownSync(file, uid, gid)
  chmodSync(file, mode & 0o7777)
}

async function askPassword(): Promise<string> {
  const password = process.stdin.isTTY ? await askTwice() : await readFirstLine()
  if (password === '') throw new CommandError('a password must not be empty')
  return password
}

async function askTwice(): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true })
  const ask = async (question: string) => {
    process.stderr.write(question)
    const answer = await terminal.question('')
    process.stderr.write('\n')
    return answer
  }
  terminal.on('SIGINT', () => process.exit(130))
  const [first, second] = [await ask('Password: '), await ask('Once more: ')]
  terminal.close()
  if (first !== second) throw new CommandError('the two passwords differ')
  return first
}

async function readFirstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return line
  return ''
}
