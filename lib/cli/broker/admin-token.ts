/**
 * The token of the administration in a file, so that it stays the same at each start, and commands on this machine find
 * it. Owns the file; must not know the administration.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { CommandError, fileError } from '../command-error.js'

const RANDOM_BYTES = 24

/** Reads the token; if the file is missing, creates it for this user only, with a random token. @throws CommandError */
export function tokenIn(file: string): string {
  const token = read(file) ?? create(file)
  if (/^[\w-]{16,}$/.test(token)) return token
  throw new CommandError(`${file} has no token: at least 16 characters of A-Z, a-z, 0-9, - and _`)
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
    // fails if another process has created the file meanwhile
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
