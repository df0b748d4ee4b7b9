/**
 * Cleans up after a test file that is killed, as the runner does at a time limit: child processes and temporary
 * folders. A small process outlives the file, notices the end of the pipe between them, and removes them.
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
  // its number may be assigned to another process
  child.once('exit', () => tell('-', 'process', child.pid!))
  return child
}

/** Creates a temporary folder, which is removed when this process ends. */
export function folderOfOurs(prefix: string): string {
  const path = mkdtempSync(join(tmpdir(), prefix))
  tell('+', 'folder', path)
  return path
}

function tell(sign: '+' | '-', kind: 'process' | 'folder', name: number | string): void {
  cleaner ??= startCleaner()
  cleaner?.stdin?.write(`${sign} ${kind} ${name}\n`)
}

/**
 * In its own process group, so that it survives signals to the group of the tests. Does not keep this process alive.
 */
function startCleaner(): ChildProcess | undefined {
  if (process.platform === 'win32') return undefined
  const started = spawn('awk', [CLEANER], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  started.on('error', () => {})
  started.stdin.on('error', () => {})
  started.unref()
  ;(started.stdin as unknown as Socket).unref()
  return started
}
