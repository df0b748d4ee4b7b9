/**
 * Wills: kept while their clients are connected, published when due, once, or taken away [MQTT 5.0, 3.1.2.5].
 * Owns when; must not know connections.
 */
import type { Client } from '../../types/client.js'
import type { Will } from '../../types/packets.js'
import type { SessionPersistence, StoredWill } from '../../types/persistence.js'
import { AnaxError, wrapError } from '../errors.js'
import { messageOfWill, startExpiry } from '../session/message.js'
import type { Authorizer, EventSink } from '../session/ports.js'
import { NEVER_EXPIRES } from '../session/session.js'
import type { Publisher } from './publisher.js'

export interface WillParts {
  store: SessionPersistence
  authorizer: Authorizer
  publisher: Publisher
  events: EventSink
  now: () => number
}

export class Wills {
  readonly #parts: WillParts
  /** Clients whose wills changed since the due ones were read, while those are being published. */
  #changed: Set<string> | undefined

  constructor(parts: WillParts) {
    this.#parts = parts
  }

  /** The client is connected: its will is kept, for the case that this process does not live to publish it. */
  async keep(clientId: string, will: Will): Promise<void> {
    this.#changed?.add(clientId)
    await this.#parts.store.saveWill(clientId, will, undefined)
  }

  async discard(clientId: string): Promise<void> {
    this.#changed?.add(clientId)
    await this.#parts.store.deleteWill(clientId)
  }

  /**
   * The connection broke: the will is due after its delay, or when the session ends if that is sooner [MQTT-3.1.3-9].
   * @param expiryInterval seconds that the session lives on
   */
  async connectionLost(client: Client, will: Will, expiryInterval: number): Promise<void> {
    const delay = will.properties?.willDelayInterval ?? 0
    const wait = expiryInterval === NEVER_EXPIRES ? delay : Math.min(delay, expiryInterval)
    if (wait === 0) return this.#publish(client.id, will, client)
    this.#changed?.add(client.id)
    await this.#parts.store.saveWill(client.id, will, this.#parts.now() + wait * 1000)
  }

  /** The session ends: a will that still waits is due now. */
  async sessionEnded(clientId: string): Promise<void> {
    const will = await this.#parts.store.getWill({ id: clientId })
    if (will) await this.#publish(clientId, will, null)
  }

  /**
   * Publishes those whose delay is over. @returns whether there may be more
   * @param alone runs a step while nothing else happens to the client's session
   */
  async publishDue(limit: number, alone: (clientId: string, step: () => Promise<void>) => Promise<void>) {
    const changed = new Set<string>()
    this.#changed = changed
    const { store, now } = this.#parts
    try {
      const due = await store.dueWills(now(), limit)
      for (const { clientId, will } of due) {
        await alone(clientId, async () => {
          // its client may have come back while others were being published
          if (!changed.has(clientId)) await this.#publish(clientId, will, null)
        })
      }
      return due.length === limit
    } finally {
      this.#changed = undefined
    }
  }

  async #publish(clientId: string, will: StoredWill, client: Client | null): Promise<void> {
    const { store, authorizer, publisher, events } = this.#parts
    this.#changed?.add(clientId)
    const message = messageOfWill(will, clientId)
    const verdict = (await authorizer.authorizePublish?.(client, message)) ?? message
    if (verdict instanceof AnaxError) {
      events.emit('publishRefused', verdict, message, client)
    } else {
      startExpiry(verdict, this.#parts.now())
      await publisher.publish(verdict).catch(error => {
        events.emit('publishRefused', wrapError('ANAX_ERR_STORE', error), verdict, client)
      })
    }
    await store.deleteWill(clientId) // [MQTT-3.1.2-10]
  }
}
