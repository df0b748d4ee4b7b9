/**
 * How the router announces the filters it needs messages for. A contract; the implementation may be a bus of the host,
 * or do nothing.
 */
import type { MaybePromise } from '../../../types/persistence.js'

export interface Interests {
  /** Counts a subscription with this filter. Waits as {@link registered} does. */
  want(filter: string): MaybePromise<void>
  /** Stops counting a subscription with this filter. */
  unwant(filter: string): void
  /**
   * Waits until this broker receives the messages of a filter. Throws or rejects with ANAX_ERR_BUS if it will not; the
   * filter counts as wanted until `unwant`.
   */
  registered(filter: string): MaybePromise<void>
  /** A shared subscription has its first member. @param share the whole `$share/…` filter */
  wantGroup(share: string, filter: string): MaybePromise<void>
  /** A shared subscription has lost its last member. */
  unwantGroup(share: string, filter: string): void
}
