/**
 * The token of the administration in a file, so that it stays the same from one start to the next, and commands on this
 * machine find it. Owns the file; knows nothing of what the token opens.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { CommandError, fileError } from '../command-error.js'

const RANDOM_BYTES = 24

/** The token; a new file, which only this user can read, gets a random one. @throws CommandError */
export function tokenIn(file: string): string {
  const token = read(file) ?? create(file)
  if (/^[\w-]{16,}$/.test(token)) return token
  throw new CommandError(`${file} holds no token: 16 characters at least of A-Z, a-z, 0-9, - and _`)
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw fileError(file, error)
  }
}

function create(file: string): string {
  const token = randomBytes(RANDOM_BYTES).toString('base64url')
  try {
    mkdirSync(dirname(file), { recursive: true })
    // fails where somebody else has put something there since
    const descriptor = openSync(file, 'wx', 0o600)
    try {
      writeSync(descriptor, `${token}\n`)
    } finally {
      closeSync(descriptor)
    }
    return token
  } catch (error) {
    throw new CommandError(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
