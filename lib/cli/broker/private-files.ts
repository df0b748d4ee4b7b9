/**
 * Makes the files of the broker inaccessible to other users of this machine, because they contain sessions and
 * messages.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CommandError } from '../command-error.js'

const FOR_OTHERS = 0o077

/** From now on, files that this process creates are accessible to its user only. */
export function createPrivately(): void {
  process.umask(FOR_OTHERS)
}

/**
 * Creates a folder for this user only (0700). Removes other users' access to files that are already in it (0600).
 * @throws CommandError
 */
export function makePrivate(folder: string): void {
  try {
    // with `recursive`, Node.js does not report a read-only file system
    if (!existsSync(folder)) mkdirSync(folder, { recursive: !existsSync(dirname(folder)) })
    close(folder)
    for (const name of readdirSync(folder)) close(join(folder, name))
  } catch (error) {
    throw new CommandError(`cannot use ${folder}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Windows has no such modes, and reports 0666 for all files. */
function close(path: string): void {
  const { mode } = statSync(path)
  if (process.platform !== 'win32' && (mode & FOR_OTHERS) !== 0) chmodSync(path, mode & ~FOR_OTHERS & 0o7777)
}
