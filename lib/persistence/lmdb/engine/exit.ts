/**
 * Prevents a deadlock when the process exits during a transaction: LMDB's thread waits for this thread to run the
 * changes, and `exit` waits for LMDB's thread. Owns this one case, and listens only while it can happen.
 */
import { writeSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const STDERR = 2

/**
 * Must be called when LMDB's thread starts. The exit of a worker thread does not wait, and must not end the process.
 */
export function expectCallback(): void {
  if (isMainThread) process.on('exit', endAtOnce)
}

/** Must be called when LMDB's thread no longer waits. */
export function callbackCame(): void {
  process.off('exit', endAtOnce)
}

/** Acknowledged data is safe. The exit code is lost. */
function endAtOnce(): void {
  try {
    writeSync(STDERR, 'anax: the process exits amid a transaction of the LMDB store; close the broker first\n')
  } catch {
    // the pipe may be full, or have no reader any more
  }
  process.kill(process.pid, 'SIGKILL')
}
