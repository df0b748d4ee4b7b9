/** Folders for stores on disk, gone when the test file ends. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

const folders: string[] = []

after(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true })
})

/** Makes an empty folder. */
export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'anax-lmdb-'))
  folders.push(path)
  return path
}
