/**
 * The audit record of every write: the user, the action and its outcome.
 * Types only.
 */

/** An action of the administration. */
export type AuditAction = 'disconnect' | 'delete-session' | 'publish' | 'delete-retained' | 'sign-in'

/** The record of a request that changes something, whether it succeeded or not. */
export interface AuditRecord {
  /** Milliseconds since the epoch. */
  at: number
  action: AuditAction
  /** The client identifier, the topic or the filter. */
  target: string
  /** The string that `authorize` returned; undefined if it returned no name, and for the token. */
  by: string | undefined
  /** The remote address of the HTTP connection. */
  address: string | undefined
  outcome: 'done' | 'not-found' | 'failed'
  /** The reason of a failure. */
  error: string | undefined
}
