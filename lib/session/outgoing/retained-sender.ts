/**
 * Sends the retained messages of new subscriptions: to the client, or through the stored queue of its session, which
 * keeps a message until it is acknowledged. Owns the number of messages being written to that queue; must not know live
 * messages.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { DropReason } from '../../../types/broker/events.js'
import type { Message } from '../../../types/message/message.js'
import type { QueueDelivery } from '../../../types/persistence.js'
import { isQuotaError } from '../../errors.js'
import type { Delivery } from '../../model/delivery.js'
import { copyOf } from '../../model/message.js'
import type { SessionSubscription } from '../../model/subscription.js'
import type { Ports } from '../../ports/ports.js'
import { isPromise } from '../../util/maybe-promise.js'
import type { Recipient } from './recipient.js'
import { RetainedReplays } from './retained-replay.js'
import type { Transmitter } from './transmitter.js'

/** Maximum number of retained messages being written to the queue at a time. */
const SLICE = 500

export interface RetainedSenderParts {
  recipient: Recipient
  ports: Ports
  transmitter: Transmitter
  /** Called when there may be more to send. */
  wake(): void
  /** Called when a message was added to the stored queue. */
  queued(): void
  drop(message: Message, reason: DropReason): void
  /** Called when retained messages cannot be read or queued. */
  failed(error: unknown): void
}

export class RetainedSender {
  readonly #parts: RetainedSenderParts
  readonly #replays: RetainedReplays
  /** Called when the next retained message was read. */
  #onRead: (() => void) | undefined
  /** Why retained messages could not be read or queued. */
  #failure: unknown
  /** The number of messages being written to the stored queue. */
  #enqueuing = 0

  constructor(parts: RetainedSenderParts) {
    this.#parts = parts
    this.#replays = new RetainedReplays(parts.ports, this.#read, this.#failed)
  }

  /** Whether there is nothing to send. */
  get isEmpty(): boolean {
    return this.#replays.isEmpty
  }

  add(subscription: SessionSubscription): void {
    this.#replays.add(subscription)
  }

  /** Called when a subscription has ended: no more of its retained messages are sent [MQTT-3.10.4-2]. */
  end(filter: string): void {
    this.#replays.end(filter)
  }

  /** Notes that a live message is sent: an earlier retained message of its topic is outdated. */
  overtake(message: Message): void {
    this.#replays.overtake(message)
  }

  close(): void {
    this.#replays.close()
  }

  /** Performs one step. @returns whether there may be more to do */
  step(): boolean {
    const replays = this.#replays
    if (replays.isEmpty || !this.#parts.transmitter.canSend(replays.qos) || !this.#hasRoom(replays.qos)) return false
    const next = replays.next()
    if (next === 'waiting') return false
    if (next === undefined) return true
    if (next.qos > 0 && this.#parts.recipient.stored) this.#enqueue(next)
    else this.#parts.transmitter.send(next)
    return true
  }

  /**
   * Called when the client has disconnected and its session is kept: appends the messages that were not sent yet to its
   * stored queue. Reads no more of them than the queue may hold.
   */
  async queueRest(): Promise<void> {
    const replays = this.#replays
    const { maxMessages } = this.#parts.recipient.limits
    let enqueued: Promise<void>[] = []
    for (let read = 0; read < maxMessages && !replays.isEmpty && this.#failure === undefined; ) {
      if (replays.qos === 0) {
        replays.skip()
        continue
      }
      const next = replays.next()
      if (next === 'waiting') {
        await this.#nextRead()
      } else if (next !== undefined) {
        read++
        // a QoS 0 message does not wait for a client
        if (next.qos > 0) enqueued.push(this.#enqueueRest(next).catch(this.#failed))
        if (read % SLICE === 0) {
          await Promise.all(enqueued)
          await nextTurn()
          enqueued = []
        }
      }
    }
    await Promise.all(enqueued)
    if (this.#failure !== undefined) throw this.#failure
  }

  #nextRead(): Promise<void> {
    return new Promise(resolve => {
      this.#onRead = resolve
    })
  }

  async #enqueueRest(delivery: Delivery): Promise<void> {
    try {
      await this.#parts.ports.sink.enqueue(copyOf(delivery.message), this.#copyFor(delivery))
    } catch (error) {
      if (!isQuotaError(error)) throw error
      this.#parts.drop(delivery.message, 'queue-full')
    }
  }

  #enqueue(delivery: Delivery): void {
    const { ports, queued, failed, drop } = this.#parts
    const { message } = delivery
    const rejected = (error: unknown) => {
      if (isQuotaError(error)) drop(message, 'queue-full')
      else failed(error)
    }
    try {
      const enqueued = ports.sink.enqueue(copyOf(message), this.#copyFor(delivery))
      if (!isPromise(enqueued)) {
        queued()
        return
      }
      this.#enqueuing++
      enqueued.catch(rejected).then(() => {
        this.#enqueuing--
        queued()
      })
    } catch (error) {
      rejected(error)
    }
  }

  #copyFor({ qos, retain, subscriptionIdentifiers }: Delivery): QueueDelivery {
    return { clientId: this.#parts.recipient.id, qos, retain, subscriptionIdentifiers, share: undefined }
  }

  /** Whether the stored queue has room for another message. Otherwise no more messages are read. */
  #hasRoom(qos: number): boolean {
    const { recipient, transmitter } = this.#parts
    if (qos === 0 || !recipient.stored) return true
    const pending = transmitter.inflight.size + this.#enqueuing
    return pending < recipient.limits.maxMessages && this.#enqueuing < SLICE
  }

  readonly #read = (): void => {
    this.#onRead?.()
    this.#parts.wake()
  }

  readonly #failed = (error: unknown): void => {
    this.#failure ??= error
    this.#onRead?.()
    this.#parts.failed(error)
  }
}
