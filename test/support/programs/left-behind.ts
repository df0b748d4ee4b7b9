/**
 * What a test file leaves behind if it is killed, as the runner does at a time limit: processes that it has started,
 * and temporary folders. A small process outlives the file, notices the end of the pipe between them, and cleans up.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Reads lines like "+ process 42" and "- process 42" until the pipe ends. A folder may be in use until its process has
 * ended.
 */
const CLEANER = `
  { if ($1 == "+") left[$2 " " $3]; else delete left[$2 " " $3] }
  END {
    for (one in left) if (one ~ /^process /) system("kill -9 " substr(one, 9) " 2>/dev/null")
    for (one in left) if (one ~ /^folder /) system("rm -rf \\"" substr(one, 8) "\\"")
  }
`

let cleaner: ChildProcess | undefined

/** Kills a process if this one ends before it. */
export function endWithUs<Process extends ChildProcess>(child: Process): Process {
  if (child.pid === undefined) return child
  tell('+', 'process', child.pid)
  // its number may be given to another one
  child.once('exit', () => tell('-', 'process', child.pid!))
  return child
}

/** Makes a temporary folder, which is gone when this process is. */
export function folderOfOurs(prefix: string): string {
  const path = mkdtempSync(join(tmpdir(), prefix))
  tell('+', 'folder', path)
  return path
}

function tell(sign: '+' | '-', kind: 'process' | 'folder', name: number | string): void {
  cleaner ??= startCleaner()
  cleaner?.stdin?.write(`${sign} ${kind} ${name}\n`)
}

/** In a group of its own, so that it outlives what is sent to the group of the tests. Keeps nobody waiting. */
function startCleaner(): ChildProcess | undefined {
  if (process.platform === 'win32') return undefined
  const started = spawn('awk', [CLEANER], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  started.on('error', () => {})
  started.stdin.on('error', () => {})
  started.unref()
  ;(started.stdin as unknown as Socket).unref()
  return started
}
