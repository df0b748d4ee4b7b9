/**
 * Wills: kept while their clients are connected, published when due, once, or taken away [MQTT 5.0, 3.1.2.5].
 * Owns when; must not know connections.
 */
import type { Client } from '../../../types/client.js'
import type { SessionPersistence, StoredWill } from '../../../types/persistence.js'
import { AnaxError, wrapError } from '../../errors.js'
import { messageOfWill, startExpiry } from '../../model/message.js'
import { NEVER_EXPIRES } from '../../model/session-expiry.js'
import type { Authorizer } from '../../ports/authorizer.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { Turns } from '../../util/turns.js'
import type { OwnMessages } from '../publish/own-messages.js'
import { DetachedClient } from './detached-client.js'
import type { FailedWrites } from './failed-writes.js'

export interface WillParts {
  store: SessionPersistence
  authorizer: Authorizer
  own: OwnMessages
  failedWrites: FailedWrites
  events: EventSink
  now: () => number
}

export class Wills {
  readonly #parts: WillParts
  /** Clients of this run whose wills wait for their delay, by identifier: hooks are asked about them. */
  readonly #detached = new Map<string, DetachedClient>()
  /** Clients whose wills changed since the due ones were read, while those are being published. */
  #changed: Set<string> | undefined

  constructor(parts: WillParts) {
    this.#parts = parts
  }

  /**
   * The client is connected: its will is kept, for the case that this process does not live to publish it,
   * in the place of one that still waits, which is not due any more [MQTT-3.1.3-9].
   */
  async connected(clientId: string, will: StoredWill | undefined): Promise<void> {
    this.#changed?.add(clientId)
    if (will === undefined) await this.#parts.store.deleteWill(clientId)
    else await this.#parts.store.saveWill(clientId, will, undefined)
    this.#detached.delete(clientId)
  }

  /** The client took it away [MQTT-3.14.4-3]. */
  async discard(clientId: string): Promise<void> {
    this.#changed?.add(clientId)
    await this.#delete(clientId)
  }

  /**
   * The connection broke: the will is due after its delay, or when the session ends if that is sooner [MQTT-3.1.3-9].
   * @param expiryInterval seconds that the session lives on
   */
  async connectionLost(client: Client, will: StoredWill, expiryInterval: number): Promise<void> {
    const { store, failedWrites, now } = this.#parts
    const delay = will.properties?.willDelayInterval ?? 0
    const wait = expiryInterval === NEVER_EXPIRES ? delay : Math.min(delay, expiryInterval)
    if (wait === 0) return this.#publish(client.id, will, client)
    this.#changed?.add(client.id)
    const dueAt = now() + wait * 1000
    this.#detached.set(client.id, DetachedClient.of(client))
    await failedWrites.attempt(client.id, () => store.saveWill(client.id, will, dueAt))
  }

  /** The session ends: a will that still waits is due now. */
  async sessionEnded(clientId: string): Promise<void> {
    const { store, failedWrites } = this.#parts
    // one that was published or taken away may still be there
    await failedWrites.retry(clientId)
    const will = await store.getWill({ id: clientId })
    if (will) await this.publishStored(clientId, will)
  }

  /** A will that its client cannot take away any more: another node left it, or it is due. */
  async publishStored(clientId: string, will: StoredWill): Promise<void> {
    const client = this.#detached.get(clientId) ?? DetachedClient.fromStore(clientId, will.publisher)
    await this.#publish(clientId, will, client)
  }

  /**
   * Publishes those whose delay is over. @returns whether there may be more
   * @param turns nothing else happens to a client's session meanwhile
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
          // its client may have come back while others were being published; or it is published, and not deleted yet
          if (!changed.has(clientId) && !failedWrites.has(clientId)) await this.publishStored(clientId, will)
        },
      )
      return due.length === limit
    } finally {
      this.#changed = undefined
    }
  }

  async #publish(clientId: string, will: StoredWill, client: Client): Promise<void> {
    const { authorizer, own, events } = this.#parts
    this.#changed?.add(clientId)
    const message = messageOfWill(will, clientId)
    const verdict = (await authorizer.authorizePublish?.(client, message)) ?? message
    if (verdict instanceof AnaxError) {
      events.emit('publishRefused', verdict, message, client)
    } else {
      startExpiry(verdict, this.#parts.now())
      await own.publish(verdict, { kind: 'will', clientId }).catch(error => {
        events.emit('publishRefused', wrapError('ANAX_ERR_STORE', error), verdict, client)
      })
    }
    await this.#delete(clientId) // [MQTT-3.1.2-10]
  }

  /** Published or taken away, it must not come back: a store that fails is asked again. */
  async #delete(clientId: string): Promise<void> {
    const { store, failedWrites } = this.#parts
    this.#detached.delete(clientId)
    await failedWrites.attempt(clientId, () => store.deleteWill(clientId))
  }
}
