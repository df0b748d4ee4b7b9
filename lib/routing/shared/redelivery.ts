/**
 * Handles the unfinished messages of a session that ends: those of shared subscriptions go to other members of the
 * group [MQTT-4.8.2-4], others are dropped. Owns which drops were reported; must not know how groups choose.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Message } from '../../../types/message/message.js'
import type { MaybeAsyncIterable, QueuedMessage } from '../../../types/persistence.js'
import { refKey } from '../../model/message.js'
import type { SharedDelivery } from '../../model/shared-delivery.js'

/** Messages of ending sessions that are examined in one turn of the event loop. */
const SLICE = 500

export interface RedeliveryParts {
  /** Gives messages of a client's shared subscriptions to other members. */
  redeliver(clientId: string, deliveries: SharedDelivery[]): void
  /** Called for a message that the client did not get and that no other member can get. */
  undeliverable(message: Message, clientId: string): void
}

export class Redelivery {
  readonly #parts: RedeliveryParts
  /**
   * Client -> messages that were reported as dropped while its queue could not be read to the end, so that each is
   * reported once.
   */
  readonly #reported = new Map<string, Set<string>>()
  /** The number of examined messages. */
  #looked = 0

  constructor(parts: RedeliveryParts) {
    this.#parts = parts
  }

  /** Processes the queue of a session that ends. Rejects if the queue cannot be read. */
  async empty(queue: MaybeAsyncIterable<QueuedMessage>, clientId: string): Promise<void> {
    const left: SharedDelivery[] = []
    const reported = this.#reported.get(clientId) ?? new Set()
    this.#reported.set(clientId, reported)
    for await (const { message, ref, delivery, packetId } of queue) {
      if (++this.#looked % SLICE === 0) await nextTurn()
      const key = refKey(ref)
      if (message === undefined || reported.has(key)) continue
      const { qos, share } = delivery
      const isSent = packetId !== undefined
      // A QoS 2 message that was sent goes to no other member [MQTT-4.8.2-5].
      if (share !== undefined && !(isSent && qos === 2)) left.push({ message, share })
      else if (!isSent) {
        reported.add(key)
        this.#parts.undeliverable(message, clientId)
      }
    }
    this.#reported.delete(clientId)
    this.#parts.redeliver(clientId, left)
  }
}
