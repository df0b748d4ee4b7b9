/**
 * What is told of every write: who wanted what, and what came of it.
 * Types only.
 */

/** What somebody did over the administration. */
export type AuditAction = 'disconnect' | 'delete-session' | 'publish' | 'delete-retained' | 'sign-in'

/** One of these for every request that changes something, whether it succeeded or not. */
export interface AuditRecord {
  /** Milliseconds since the epoch. */
  at: number
  action: AuditAction
  /** The client identifier, the topic or the filter. */
  target: string
  /** The string that `authorize` answered; undefined where it gave no name, and for the token. */
  by: string | undefined
  /** The address at the other end of the HTTP connection. */
  address: string | undefined
  outcome: 'done' | 'not-found' | 'failed'
  /** Why it failed. */
  error: string | undefined
}
