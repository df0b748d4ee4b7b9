/**
 * Reads the stored session of a connecting client, and writes what the store keeps while the client is connected and
 * afterwards. Must not know connections, nor who is connected.
 */
import type { Client } from '../../../types/client/client.js'
import type { MaybePromise, SessionDetails, SessionPersistence, StoredSession } from '../../../types/persistence.js'
import { AnaxError, wrapError } from '../../errors.js'
import { NEVER_EXPIRES } from '../../model/session-expiry.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { Session } from '../../session/session.js'
import type { OpenRequest } from '../../session/session-directory.js'
import { isPromise } from '../../util/maybe-promise.js'
import { shownName } from '../../util/shown-name.js'
import type { FailedWrites } from './failed-writes.js'
import type { Ownership } from './ownership.js'
import type { SessionEnds } from './session-ends.js'
import type { SessionLimits } from './session-limits.js'
import type { Wills } from './wills.js'

export interface SessionRecord {
  /** The session that is resumed; undefined for a new one. */
  readonly stored: StoredSession | undefined
  /** Details of the connection; undefined if the store does not keep the session. */
  readonly details: SessionDetails | undefined
}

export interface SessionRecordParts {
  store: SessionPersistence
  wills: Wills
  failedWrites: FailedWrites
  events: EventSink
  now: () => number
  sessionLimits: SessionLimits
  /** Undefined if this process owns every session. */
  ownership: Ownership | undefined
  /** Called when something with a deadline was stored. */
  deadlineSet(): void
}

/** The record of a session that is not stored, and was not stored before. */
const NONE: SessionRecord = Object.freeze({ stored: undefined, details: undefined })

export class SessionRecords {
  readonly #parts: SessionRecordParts
  readonly #ends: SessionEnds

  constructor(parts: SessionRecordParts, ends: SessionEnds) {
    this.#parts = parts
    this.#ends = ends
  }

  /**
   * Reads the session of a connecting client, ends it if it will not be resumed, and writes what the store keeps from
   * now on. Throws or rejects if the store fails; the store is then unchanged. Returns no promise if nothing was stored
   * and nothing will be, because thousands of clients may connect at once.
   */
  open(client: Client, request: OpenRequest): MaybePromise<SessionRecord> {
    const { store, wills, ownership } = this.#parts
    const { clientId, expiryInterval, will } = request
    this.#ends.opening(clientId)
    const late = wills.catchUp(clientId)
    const found = late === undefined ? store.openSession(clientId) : late.then(() => store.openSession(clientId))
    const isNothing = found === undefined && expiryInterval === 0 && will === undefined
    return isNothing && ownership === undefined ? NONE : this.#resumeOrBegin(client, request, found)
  }

  /**
   * Called when the client has disconnected: keeps its session until it expires, or ends it. Rejects if the store
   * fails.
   */
  async close({ id: clientId, expiryInterval, details: connected }: Session): Promise<void> {
    if (expiryInterval === 0 && (await this.attempt(() => this.#ends.end(clientId, 'disconnected')))) return
    const { store, failedWrites, now, deadlineSet } = this.#parts
    // a session that could not be deleted gets a deadline of now
    const expiresAt = expiryInterval === NEVER_EXPIRES ? undefined : now() + expiryInterval * 1000
    const details = { ...connected, disconnectedAt: now() }
    await failedWrites.attempt(clientId, () => store.saveSession({ clientId, expiryInterval, expiresAt, details }))
    deadlineSet()
  }

  /**
   * Runs a step that has no caller to report to; a failure becomes a `storeError` event.
   * @returns whether it succeeded
   */
  async attempt(step: () => Promise<void>): Promise<boolean> {
    try {
      await step()
      return true
    } catch (error) {
      this.#parts.events.emit('storeError', wrapError('ANAX_ERR_STORE', error))
      return false
    }
  }

  async #resumeOrBegin(
    client: Client,
    request: OpenRequest,
    opened: MaybePromise<StoredSession | undefined>,
  ): Promise<SessionRecord> {
    const { clientId, expiryInterval } = request
    const found = isPromise(opened) ? await opened : opened
    const isResumed = found !== undefined && this.#mayResume(found, request)
    if (found !== undefined && !isResumed) await this.#end(found, request)
    const stored = isResumed ? found : undefined
    const isKept = stored !== undefined || expiryInterval > 0
    const details = isKept ? detailsOf(client, stored, this.#parts.now()) : undefined
    const record = { stored, details }
    try {
      if (isKept || request.will !== undefined) await this.#note(request, record)
      this.#checkOwnership(clientId)
    } catch (error) {
      await this.attempt(() => this.#noteRefused(clientId, stored))
      throw error
    }
    return record
  }

  /**
   * Checks that the lease was not lost since the session was claimed. The clients of this node were then disconnected,
   * but this one was not connected yet.
   */
  #checkOwnership(clientId: string): void {
    if (this.#parts.ownership?.owns(clientId) !== false) return
    throw new AnaxError('ANAX_ERR_FENCED', { detail: `the claim of ${clientId} is lost` })
  }

  /** Writes what the store keeps of the connected client, if there is room for it. */
  #note(request: OpenRequest, record: SessionRecord): Promise<void> {
    const { stored, details } = record
    const isNew = details !== undefined && stored === undefined
    if (!isNew) return this.#noteConnected(request, record)
    return this.#parts.sessionLimits.make(request.clientId, details, () => this.#noteConnected(request, record))
  }

  async #noteConnected({ clientId, expiryInterval, will }: OpenRequest, record: SessionRecord): Promise<void> {
    const { store, wills } = this.#parts
    const { stored, details } = record
    if (details !== undefined) {
      const saved = store.saveSession({ clientId, expiryInterval, expiresAt: undefined, details })
      if (isPromise(saved)) await saved
    }
    if (will === undefined && stored === undefined) return
    const noted = wills.connected(clientId, will)
    if (isPromise(noted)) await noted
  }

  /** Undoes a partly opened session in the store: without a deadline it would stay forever. */
  async #noteRefused(clientId: string, stored: StoredSession | undefined): Promise<void> {
    const { store, failedWrites, deadlineSet } = this.#parts
    await failedWrites.attempt(clientId, async () => {
      if (stored !== undefined) {
        const { expiryInterval, expiresAt, details } = stored
        await store.saveSession({ clientId, expiryInterval, expiresAt, details })
      } else {
        await store.deleteWill(clientId)
        await store.deleteSession(clientId)
      }
    })
    deadlineSet()
  }

  #mayResume(stored: StoredSession, { at, clean }: OpenRequest): boolean {
    return !clean && !isExpired(stored, at) && !this.#ends.isUnfinished(stored.clientId)
  }

  /** Ends a session that will not be resumed. */
  #end(stored: StoredSession, { at }: OpenRequest): Promise<void> {
    return this.#ends.end(stored.clientId, isExpired(stored, at) ? 'expired' : 'clean-start') // [MQTT-3.1.2-4]
  }
}

function isExpired({ expiresAt }: StoredSession, at: number): boolean {
  return expiresAt !== undefined && expiresAt <= at
}

/**
 * The details of a connection, merged with those in the store. Undefined fields are omitted, because a store may return
 * null for them.
 */
function detailsOf(client: Client, stored: StoredSession | undefined, now: number): SessionDetails {
  const { username, address, version } = client
  const { disconnectedAt: _, ...before } = stored === undefined ? { createdAt: now } : (stored.details ?? {})
  return {
    ...before,
    ...(username !== undefined && { username: shownName(username) }),
    ...(address !== undefined && { address }),
    ...(version !== undefined && { protocolVersion: version }),
    connectedAt: now,
  }
}
