/**
 * Lets a process that exits amid a transaction end. LMDB's thread waits for this one to make the changes, and `exit`
 * waits for that thread: for ever, as nothing runs here any more. Owns this one case, and listens only while it may come.
 */
import { writeSync } from 'node:fs'

const STDERR = 2

/** To be called when LMDB's thread is set to work. */
export function expectCallback(): void {
  process.on('exit', endAtOnce)
}

/** To be called when it waits no more. */
export function callbackCame(): void {
  process.off('exit', endAtOnce)
}

/** What was acknowledged is safe from that; the exit code is lost. */
function endAtOnce(): void {
  writeSync(STDERR, 'anax: the process exits amid a transaction of the LMDB store; close the broker first\n')
  process.kill(process.pid, 'SIGKILL')
}
