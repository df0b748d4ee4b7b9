/** Keeps what the broker writes from other users of this machine: sessions and messages are nobody else's. */
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CommandError } from '../command-error.js'

const FOR_OTHERS = 0o077

/** From now on, what this process creates is for its user only. */
export function createPrivately(): void {
  process.umask(FOR_OTHERS)
}

/**
 * Creates a folder for this user only (0700). What is in it already, and was for others as well, is no longer (0600).
 * @throws CommandError
 */
export function makePrivate(folder: string): void {
  try {
    // with `recursive`, Node.js does not say that a file system is read-only
    if (!existsSync(folder)) mkdirSync(folder, { recursive: !existsSync(dirname(folder)) })
    close(folder)
    for (const name of readdirSync(folder)) close(join(folder, name))
  } catch (error) {
    throw new CommandError(`cannot use ${folder}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Windows has no such modes, and says 0666 of everything. */
function close(path: string): void {
  const { mode } = statSync(path)
  if (process.platform !== 'win32' && (mode & FOR_OTHERS) !== 0) chmodSync(path, mode & ~FOR_OTHERS & 0o7777)
}
