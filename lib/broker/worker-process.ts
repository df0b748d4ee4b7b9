/**
 * The warning that this process is a worker of `node:cluster`, which pm2's cluster mode uses as well. The workers share
 * a port, so each gets some of the clients, and a broker without a bus does not reach those of the others. Owns how a
 * worker is detected.
 */

const MESSAGE =
  'this broker runs in a worker of node:cluster (or of pm2 in cluster mode) and shares nothing with those of other ' +
  'workers: clients of one do not get messages of another. Run one process, or give the brokers a bus, or a cluster'

let isWarned = false

/** Warns once if this process is a worker. */
export function warnOfWorker(): void {
  if (isWarned || !isWorker()) return
  isWarned = true
  process.emitWarning(MESSAGE, {
    code: 'ANAX_WARN_WORKER',
    detail: 'docs/scale/cluster.md, "Several processes on one machine"',
  })
}

/** A worker has a channel to its parent process, and has loaded `node:cluster`. This check does not load the module. */
function isWorker(): boolean {
  if (process.channel === undefined) return false
  const { isWorker } = process.getBuiltinModule('node:cluster') as { isWorker?: boolean }
  return isWorker === true
}
