/** Names one run of a broker: the identity of its messages begins with it. */
import { randomBytes } from 'node:crypto'

/**
 * Tells this run of a broker from all others that had, or will have, the same identifier. Begins with the time, because some
 * stores sort messages by it, and those of an earlier run come first. It is unique whatever the clock says.
 */
export function runOf(id: string, now: number): string {
  return `${id}/${now.toString(36).padStart(9, '0')}${randomBytes(4).toString('hex')}`
}
