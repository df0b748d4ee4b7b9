/** Decides whether the store may keep one more session. Never ends another one to make room. Must not know clients. */
import type { SessionDetails, SessionPersistence } from '../../../types/persistence.js'
import { AnaxError } from '../../errors.js'
import { identityBytes } from '../../model/metering/session-bytes.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'

const UNKNOWN = { sessions: undefined, sessionBytes: undefined }

export class SessionLimits {
  readonly #store: SessionPersistence
  readonly #options: Pick<ResolvedOptions, 'maxSessions' | 'maxSessionBytes'>
  /** New sessions that are being written, which the store does not count yet. */
  #beingMade = 0

  constructor(store: SessionPersistence, options: Pick<ResolvedOptions, 'maxSessions' | 'maxSessionBytes'>) {
    this.#store = store
    this.#options = options
  }

  /**
   * Writes a new session if there is room for it. Stores that do not count always have room.
   * @throws AnaxError ANAX_ERR_QUOTA
   */
  async make(clientId: string, details: SessionDetails | undefined, write: () => Promise<void>): Promise<void> {
    const { maxSessions, maxSessionBytes } = this.#options
    const { sessions = 0, sessionBytes = 0 } = this.#store.counts?.() ?? UNKNOWN
    if (sessions + this.#beingMade >= maxSessions) throw quotaError(`already ${maxSessions} stored sessions`)
    if (sessionBytes + identityBytes(clientId, details) > maxSessionBytes) {
      throw quotaError(`all stored sessions together may have ${maxSessionBytes} bytes`)
    }
    this.#beingMade++
    try {
      await write()
    } finally {
      this.#beingMade--
    }
  }

  /** Remaining bytes for the filters of stored sessions. */
  get roomForFilters(): number {
    const { maxSessionBytes } = this.#options
    return maxSessionBytes - (this.#store.counts?.().sessionBytes ?? 0)
  }
}

function quotaError(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_QUOTA', { detail, scope: 'connection' })
}
