/**
 * Stores wills while their clients are connected, and publishes each once when it is due, or discards it [MQTT 5.0,
 * 3.1.2.5]. Must not know connections.
 */
import type { Client } from '../../../types/client/client.js'
import type { MaybePromise, SessionPersistence, StoredWill } from '../../../types/persistence.js'
import { AnaxError, type ErrorCode, wrapError } from '../../errors.js'
import { messageOfWill, startExpiry } from '../../model/message.js'
import { NEVER_EXPIRES } from '../../model/session-expiry.js'
import type { Authorizer } from '../../ports/authorizer.js'
import type { EventSink } from '../../ports/event-sink.js'
import { isPromise } from '../../util/maybe-promise.js'
import type { Turns } from '../../util/scheduling/turns.js'
import type { OwnMessages } from '../publish/own-messages.js'
import { DetachedClient } from './detached-client.js'
import type { FailedWrites } from './failed-writes.js'
import type { WillLimits } from './will-limits.js'

/** Retry delay of a will that could not be published because the store failed. */
const RETRY_MS = 1000

/** Errors of the store; all others mean that the will itself cannot be published. */
const STORE_FAILURES: ReadonlySet<ErrorCode> = new Set(['ANAX_ERR_STORE', 'ANAX_ERR_CLUSTER'])

export interface WillParts {
  store: SessionPersistence
  authorizer: Authorizer
  own: OwnMessages
  failedWrites: FailedWrites
  willLimits: WillLimits
  events: EventSink
  now: () => number
  /** Called when a will has become due. */
  deadlineSet: () => void
}

export class Wills {
  readonly #parts: WillParts
  /** Disconnected clients of this run with delayed wills, by identifier, for calls of hooks. */
  readonly #detached = new Map<string, DetachedClient>()
  /** Clients whose due wills are still in the store, because publishing them failed. */
  readonly #overdue = new Set<string>()
  /** Clients whose wills changed since the due ones were read, while those are being published. */
  #changed: Set<string> | undefined

  constructor(parts: WillParts) {
    this.#parts = parts
  }

  /**
   * Before a client connects again, completes what the store failed to do for its last will. Otherwise that will would
   * be published after the client's new messages. Rejects if the store fails again.
   * @returns undefined if there is nothing to do
   */
  catchUp(clientId: string): Promise<void> | undefined {
    const isBehind = this.#parts.failedWrites.has(clientId) || this.#overdue.has(clientId)
    return isBehind ? this.#catchUp(clientId) : undefined
  }

  async #catchUp(clientId: string): Promise<void> {
    await this.#parts.failedWrites.retry(clientId)
    if (this.#overdue.has(clientId)) await this.#publishFromStore(clientId)
  }

  /**
   * Stores the will of a connected client, in case this process crashes. Replaces and thereby cancels a delayed will of
   * an earlier connection [MQTT-3.1.3-9].
   * @throws AnaxError ANAX_ERR_QUOTA
   */
  connected(clientId: string, will: StoredWill | undefined): MaybePromise<void> {
    const { store, willLimits } = this.#parts
    if (will !== undefined) willLimits.add(clientId, will)
    this.#changed?.add(clientId)
    const written = will === undefined ? store.deleteWill(clientId) : store.saveWill(clientId, will, undefined)
    const noted = () => {
      if (will === undefined) willLimits.remove(clientId)
      this.#detached.delete(clientId)
    }
    return isPromise(written) ? written.then(noted) : noted()
  }

  /**
   * Called when another node may own the session from now on. Its record has what is due, and what this node knows
   * would be outdated when the session comes back.
   */
  handedOver(clientId: string): void {
    this.#overdue.delete(clientId)
    this.#detached.delete(clientId)
    this.#parts.willLimits.remove(clientId)
  }

  /** The client discarded its will with DISCONNECT [MQTT-3.14.4-3]. */
  async discard(clientId: string): Promise<void> {
    this.#changed?.add(clientId)
    await this.#delete(clientId)
  }

  /**
   * The connection broke: the will is due after its delay, or when the session ends if that is sooner [MQTT-3.1.3-9].
   * @param expiryInterval seconds until the session expires
   */
  async connectionLost(client: Client, will: StoredWill, expiryInterval: number): Promise<void> {
    const { store, failedWrites, authorizer, now } = this.#parts
    const delay = will.properties?.willDelayInterval ?? 0
    const wait = expiryInterval === NEVER_EXPIRES ? delay : Math.min(delay, expiryInterval)
    if (wait === 0) return this.#publish(client.id, will, client)
    this.#changed?.add(client.id)
    const dueAt = now() + wait * 1000
    const record = DetachedClient.of(client)
    authorizer.treatAlike(client, record)
    this.#detached.set(client.id, record)
    await failedWrites.attempt(client.id, () => store.saveWill(client.id, will, dueAt))
  }

  /** Called when the session ends: a delayed will is due now. */
  async sessionEnded(clientId: string): Promise<void> {
    // a will that was published or discarded may still be stored
    await this.#parts.failedWrites.retry(clientId)
    await this.#publishFromStore(clientId)
  }

  async #publishFromStore(clientId: string): Promise<void> {
    const will = await this.#parts.store.getWill({ id: clientId })
    if (will) await this.publishStored(clientId, will)
    else this.#overdue.delete(clientId)
  }

  /** Publishes a stored will that is due, or whose node has failed. */
  async publishStored(clientId: string, will: StoredWill): Promise<void> {
    const client = this.#detached.get(clientId) ?? DetachedClient.fromStore(clientId, will.publisher)
    await this.#publish(clientId, will, client)
  }

  /**
   * Publishes those whose delay is over.
   * @returns whether there may be more
   * @param turns prevents other changes of a client's session meanwhile
   */
  async publishDue(limit: number, turns: Turns): Promise<boolean> {
    const changed = new Set<string>()
    this.#changed = changed
    const { store, failedWrites, now } = this.#parts
    try {
      const due = await store.dueWills(now(), limit)
      await turns.takeEach(
        due,
        ({ clientId }) => clientId,
        async ({ clientId, will }) => {
          // its client may have reconnected meanwhile; or the will was published and is not deleted yet
          if (!changed.has(clientId) && !failedWrites.has(clientId)) await this.publishStored(clientId, will)
        },
      )
      return due.length === limit
    } finally {
      this.#changed = undefined
    }
  }

  /** Rejects if the store fails: then the will is kept, and due again soon. */
  async #publish(clientId: string, will: StoredWill, client: Client): Promise<void> {
    const { authorizer, own, events, now } = this.#parts
    this.#changed?.add(clientId)
    const message = messageOfWill(will, clientId)
    const verdict = (await authorizer.authorizePublish?.(client, message)) ?? message
    if (verdict instanceof AnaxError) {
      events.emit('publishRefused', verdict, message, client)
    } else {
      startExpiry(verdict, now())
      try {
        await own.publish(verdict, { kind: 'will', clientId })
      } catch (error) {
        const failure = wrapError('ANAX_ERR_STORE', error)
        events.emit('publishRefused', failure, verdict, client)
        if (STORE_FAILURES.has(failure.code)) {
          await this.#keep(clientId, will)
          throw failure
        }
      }
    }
    await this.#delete(clientId) // [MQTT-3.1.2-10]
  }

  async #keep(clientId: string, will: StoredWill): Promise<void> {
    const { store, failedWrites, now, deadlineSet } = this.#parts
    const dueAt = now() + RETRY_MS
    this.#overdue.add(clientId)
    await failedWrites.attempt(clientId, () => store.saveWill(clientId, will, dueAt))
    deadlineSet()
  }

  /** Deletes a published or discarded will, and retries if the store fails. */
  async #delete(clientId: string): Promise<void> {
    const { store, failedWrites, willLimits } = this.#parts
    this.#detached.delete(clientId)
    this.#overdue.delete(clientId)
    await failedWrites.attempt(clientId, async () => {
      await store.deleteWill(clientId)
      willLimits.remove(clientId)
    })
  }
}
