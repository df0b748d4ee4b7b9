/** Decides whether the store may keep one more session. Never ends another one to make room. Must not know clients. */
import type { SessionDetails, SessionPersistence } from '../../../types/persistence.js'
import { AnaxError } from '../../errors.js'
import { identityBytes } from '../../model/metering/session-bytes.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import { Waiters } from '../../util/scheduling/waiters.js'

export class SessionLimits {
  readonly #store: SessionPersistence
  readonly #options: Pick<ResolvedOptions, 'maxSessions' | 'maxSessionBytes'>
  /** New sessions that are being written, and their bytes. The store may count them already, or not yet. */
  readonly #beingMade = { sessions: 0, bytes: 0 }
  /** Released when none is being written, so that the numbers of the store are exact. */
  readonly #written = new Waiters()

  constructor(store: SessionPersistence, options: Pick<ResolvedOptions, 'maxSessions' | 'maxSessionBytes'>) {
    this.#store = store
    this.#options = options
  }

  /**
   * Writes a new session if there is room for it. Stores that do not count always have room.
   * @throws AnaxError ANAX_ERR_QUOTA
   */
  async make(clientId: string, details: SessionDetails | undefined, write: () => Promise<void>): Promise<void> {
    const bytes = identityBytes(clientId, details)
    const beingMade = this.#beingMade
    while (beingMade.sessions > 0 && this.#lacks(bytes) !== undefined) await this.#written.wait()
    const lack = this.#lacks(bytes)
    if (lack !== undefined) throw new AnaxError('ANAX_ERR_QUOTA', { detail: lack, scope: 'connection' })
    beingMade.sessions++
    beingMade.bytes += bytes
    try {
      await write()
    } finally {
      beingMade.sessions--
      beingMade.bytes -= bytes
      if (beingMade.sessions === 0) this.#written.release()
    }
  }

  /** Remaining bytes for the filters of stored sessions. */
  get roomForFilters(): number {
    const { maxSessionBytes } = this.#options
    return maxSessionBytes - (this.#store.counts?.().sessionBytes ?? 0)
  }

  /** What one more session would be too much for, if the sessions that are being written are not counted by the store. */
  #lacks(bytes: number): string | undefined {
    const { maxSessions, maxSessionBytes } = this.#options
    const counts = this.#store.counts?.()
    if ((counts?.sessions ?? 0) + this.#beingMade.sessions >= maxSessions) {
      return `already ${maxSessions} stored sessions`
    }
    if ((counts?.sessionBytes ?? 0) + this.#beingMade.bytes + bytes > maxSessionBytes) {
      return `all stored sessions together may have ${maxSessionBytes} bytes`
    }
    return undefined
  }
}
