/** Identifies one run of a broker: the identity of its messages begins with it. */
import { randomBytes } from 'node:crypto'

/**
 * Distinguishes this run from all others of a broker with the same identifier. It begins with the time, because some
 * stores sort messages by it, and those of an earlier run must come first. It is unique whatever the clock says.
 */
export function runOf(id: string, now: number): string {
  return `${id}/${now.toString(36).padStart(9, '0')}${randomBytes(4).toString('hex')}`
}
