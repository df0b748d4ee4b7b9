/** Folders for stores on disk, and small disks, removed at the end of the test file. */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { after, type TestContext } from 'node:test'
import { folderOfOurs } from '../../support/programs/left-behind.js'

const folders: string[] = []

after(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true })
})

/** Makes an empty folder. */
export function temporaryFolder(): string {
  const path = folderOfOurs('anax-lmdb-')
  folders.push(path)
  return path
}

const canMount = process.platform === 'linux' && process.getuid?.() === 0
/** Why a test that needs a small disk is skipped. */
export const noSmallDisk = canMount ? false : 'needs root on Linux, to mount a small tmpfs'

/** Runs a test in a folder with a limited number of bytes. */
export async function onDiskOf(
  bytes: number,
  context: TestContext,
  body: (path: string) => Promise<void>,
): Promise<void> {
  const path = temporaryFolder()
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path])
  if (mounted.status !== 0) return context.skip('a tmpfs cannot be mounted here')
  try {
    await body(path)
  } finally {
    spawnSync('umount', ['-l', path])
  }
}
