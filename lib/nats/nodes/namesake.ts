/**
 * Waits until no other process has the name of this node. Owns the decision that a process is there; must not know
 * fences, nor what a node does.
 */
import { AnaxError } from '../../index.js'
import type { StoredRecord, Wire } from '../wire/wire.js'
import { nodeRecordOf } from './lease.js'

/** Time limit for the answer of the other process, and the interval of the questions, in milliseconds. */
const ANSWER_MS = 1000
const PAUSE_MS = 250

/** The request that only asks whether a process is there. No client has this identifier. */
export const ARE_YOU_THERE = ''

export interface NamesakeParts {
  readonly wire: Wire
  readonly node: string
  readonly leaseMs: number
  /** Reads the record of the node, from the leader. */
  readonly read: () => Promise<StoredRecord | undefined>
  /** The subject of requests to a process. */
  readonly requestTo: (epoch: string) => string
  /** Called once, if the other process is there. */
  found(error: AnaxError): void
}

/**
 * Returns at once if the process with this name has left or is gone, and otherwise when its lease has ended. Rejects
 * with ANAX_ERR_CLUSTER if it is still there after the duration of a lease.
 */
export async function waitForNamesake(parts: NamesakeParts): Promise<void> {
  const { node, leaseMs, read, found } = parts
  const started = performance.now()
  const error = new AnaxError('ANAX_ERR_CLUSTER', {
    detail: `another process is the node ${node}: each needs its own id`,
  })
  let [sequence, renewedAt, isTold] = [0, started, false]
  for (;;) {
    const record = await read()
    if (record === undefined || (await isGone(record, parts))) return
    const now = performance.now()
    if (record.sequence !== sequence) renewedAt = now
    sequence = record.sequence
    if (now - renewedAt > leaseMs) return
    if (now - started > leaseMs) throw error
    if (!isTold) found(error)
    isTold = true
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
  }
}

/** Whether a process has left, or is not connected. One that does not answer may be paused. */
async function isGone(
  record: StoredRecord,
  { wire, requestTo }: Pick<NamesakeParts, 'wire' | 'requestTo'>,
): Promise<boolean> {
  const { epoch, left } = nodeRecordOf(record) ?? { left: true }
  if (left === true || epoch === undefined) return true
  try {
    return (await wire.ask(requestTo(epoch), ARE_YOU_THERE, ANSWER_MS)) === undefined
  } catch {
    return false
  }
}
