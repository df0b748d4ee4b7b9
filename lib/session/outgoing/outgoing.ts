/**
 * Decides which message a client gets next: a live one, one that waits in memory or in the stored queue, or a retained
 * message of a new subscription. Must not know packets, acknowledgements or the stream.
 *
 * While nothing waits, a message is sent at once. Otherwise - a message that is in the stored queue (QoS 1 and 2 of a
 * stored session) is read back from there, in order; - any other message waits in memory, within limits. The number
 * that a message got when it was stored (brokerCounter) merges the two, so that a publisher's messages keep their order
 * whatever their QoS. Each broker on the bus has its own numbers.
 */
import type { DropReason } from '../../../types/broker/events.js'
import type { Message } from '../../../types/message/message.js'
import type { MaybePromise, QueueDelivery, QueuedMessage } from '../../../types/persistence.js'
import { wrapError } from '../../errors.js'
import { Backlog, sizeInQueue } from '../../model/backlog.js'
import { Delivery } from '../../model/delivery.js'
import { keepPayload, refKey } from '../../model/message.js'
import type { SharedDelivery } from '../../model/shared-delivery.js'
import type { SessionSubscription } from '../../model/subscription.js'
import type { Ports } from '../../ports/ports.js'
import { Source } from '../../util/collections/source.js'
import { Cost, TurnShare } from '../../util/scheduling/fairness.js'
import type { Link } from './link.js'
import { Pressure } from './pressure.js'
import type { Recipient } from './recipient.js'
import { RetainedSender } from './retained-sender.js'
import { Transmitter } from './transmitter.js'

/** The part of `maxTotalQueuedBytes` that may wait in memory, of all clients, before bursts count as too large. */
const BURST_SHARE = 1 / 4

export class Outgoing {
  readonly transmitter: Transmitter
  /** Created when something has to wait. */
  pressure: Pressure | undefined
  readonly #recipient: Recipient
  readonly #link: Link
  readonly #ports: Ports
  readonly #waiting: Backlog
  /** The current read of the stored queue. */
  #stored: Source<QueuedMessage> | undefined
  /**
   * Whether that is the first read of a resumed session, of the messages that were in flight on its last connection.
   */
  #resuming = false
  /** Messages that the read must not send: they were in flight when it began. */
  #skip: Set<string> | undefined
  /** Whether messages were added during the read, so that the queue has to be read again. */
  #readAgain = false
  /** Created with the first subscription that requests retained messages. */
  #retained: RetainedSender | undefined
  /** Whether `pump` is running. */
  #pumping = false
  /** Created when there is more to send than fits in one turn of the event loop. */
  #share: TurnShare | undefined
  #closed = false

  /** @param quota how many QoS 1 and 2 messages may be unacknowledged */
  constructor(recipient: Recipient, link: Link, ports: Ports, quota: number) {
    this.#recipient = recipient
    this.#link = link
    this.#ports = ports
    this.#waiting = new Backlog(ports.load)
    this.transmitter = new Transmitter(recipient, link, ports, quota, this.pump)
  }

  /** Delivers a live message to the client. */
  deliver(delivery: Delivery): void {
    if (delivery.qos === 0 && this.#ports.overload.isOn) this.#drop(delivery, 'overload')
    else if (delivery.qos > 0 && this.#recipient.stored) this.#deliverStored(delivery)
    else if (this.#isIdle() && this.transmitter.canSend(delivery.qos)) this.#sendLive(delivery)
    else this.#wait(delivery)
  }

  /** Holds messages back until the session is resumed. */
  hold(): void {
    this.#stored = Source.waiting()
  }

  /**
   * Resumes a session: retransmits what was in flight on its last connection [MQTT-4.4.0-1], then sends its queue. In
   * this order, so that no new message gets a packet id that is in use [MQTT-2.2.1-4].
   */
  resume(): void {
    this.#resuming = true
    this.#stored = undefined
    this.readStored()
  }

  /**
   * Sends the messages that were added to the stored queue.
   * @param added size in bytes of the added message, if known
   */
  readStored(added?: number): void {
    if (added !== undefined) this.#press().added(added)
    if (this.#stored === undefined) this.#beginRead()
    else this.#readAgain = true
    this.pump()
  }

  /** Sends the retained messages of a new subscription [MQTT-3.3.1-6]. */
  replay(subscription: SessionSubscription): void {
    this.#retained ??= new RetainedSender({
      recipient: this.#recipient,
      ports: this.#ports,
      transmitter: this.transmitter,
      wake: this.pump,
      queued: () => this.readStored(),
      drop: (message, reason) => this.#tellDropped(message, reason),
      failed: this.#failed,
    })
    this.#retained.add(subscription)
    this.pump()
  }

  /** Called when a subscription has ended: no more of its retained messages are sent [MQTT-3.10.4-2]. */
  endReplay(filter: string): void {
    this.#retained?.end(filter)
  }

  /**
   * Called when the client has disconnected and its session is kept: appends the retained messages that were not sent
   * yet to its stored queue. Reads no more of them than the queue may hold.
   */
  queueReplays(): MaybePromise<void> {
    return this.#retained?.queueRest()
  }

  /** Sends what can be sent. Called whenever the client or the stream can accept more. */
  readonly pump = (): void => {
    // while it waits for its turn, each call would send another slice
    if (this.#pumping || this.#closed || this.#share?.isWaiting || this.#sendAll()) return
    this.#share ??= new TurnShare({ resume: this.#takeTurn }, { line: 'old' })
    this.#ports.fairness.wait(this.#share)
  }

  /** @returns false if it stopped because the turn is used up */
  #sendAll(): boolean {
    const { fairness } = this.#ports
    this.#pumping = true
    let mayGoOn = true
    while (mayGoOn && !fairness.isSpent) {
      mayGoOn = this.#step()
      if (mayGoOn) fairness.spend(Cost.read)
    }
    this.#pumping = false
    return !mayGoOn || (this.#isIdle() && this.#retained?.isEmpty !== false)
  }

  readonly #takeTurn = (): void => {
    const { fairness } = this.#ports
    const share = this.#share!
    if (this.#closed || !fairness.begin(share)) return
    const isDone = this.#sendAll()
    fairness.end(share)
    if (!isDone) fairness.wait(share)
  }

  /** Called when the connection has ended. @returns the messages of shared subscriptions that other members can get */
  close(): SharedDelivery[] {
    this.#closed = true
    this.pressure?.close()
    this.#stored?.close()
    this.#retained?.close()
    this.#waiting.close()
    this.transmitter.close()
    const left = this.#recipient.stored ? [] : this.transmitter.unacknowledgedShared()
    for (const { message, share } of this.#waiting) {
      if (share !== undefined) left.push({ message, share })
      else this.#tellDropped(message, 'disconnected')
    }
    return left
  }

  /** Messages that wait in memory. */
  get backlog(): Pick<Backlog, 'length' | 'bytes'> & Iterable<Delivery> {
    return this.#waiting
  }

  /** The number of messages in flight or waiting for the client. */
  get load(): number {
    return this.transmitter.inflight.size + this.#waiting.length + (this.#stored === undefined ? 0 : 1)
  }

  /** Whether no message waits. */
  #isIdle(): boolean {
    return this.#stored === undefined && this.#waiting.length === 0
  }

  #deliverStored(delivery: Delivery): void {
    // the queue already has the message: a retained message that is added now comes after it
    this.#retained?.overtake(delivery.message)
    if (this.#isIdle() && this.transmitter.canSend(delivery.qos)) {
      this.transmitter.send(delivery)
    } else {
      this.readStored(sizeInQueue(delivery.message))
    }
  }

  #press(): Pressure {
    this.pressure ??= new Pressure(this.#ports, this.#recipient, this.#waiting, () => this.#isIdle())
    return this.pressure
  }

  /** Performs one step. @returns whether there may be more to do */
  #step(): boolean {
    if (this.#stored !== undefined) return this.#stepStored(this.#stored)
    const waiting = this.#waiting.first
    if (waiting === undefined) return this.#retained?.step() === true
    if (!this.transmitter.canSend(waiting.qos)) return false
    this.#sendLive(this.#waiting.shift())
    this.pressure?.sent(sizeInQueue(waiting.message))
    return true
  }

  #stepStored(stored: Source<QueuedMessage>): boolean {
    switch (stored.look()) {
      case 'waiting':
        return false
      case 'done':
        this.#stored = undefined
        if (this.#resuming || this.#readAgain) {
          this.#resuming = false
          this.#beginRead()
        } else {
          this.pressure?.settled(this.#waiting.length, this.#waiting.bytes)
        }
        return true
      default:
        return this.#sendStored(stored)
    }
  }

  #sendStored(stored: Source<QueuedMessage>): boolean {
    const { message, ref, delivery, packetId, isRemoved } = stored.head
    const isSent = packetId !== undefined
    if (this.#skip?.delete(refKey(ref)) || isRemoved || isSent !== this.#resuming) {
      stored.take()
      return true
    }
    if (!this.transmitter.canSend(0)) return false
    const earlier = this.#waiting.takeBefore(ref)
    if (earlier !== undefined) {
      this.#sendLive(earlier)
      this.pressure?.sent(sizeInQueue(earlier.message))
      return true
    }
    // a PUBREL does not count towards the quota [MQTT-3.3.4-10]
    if (!this.transmitter.canSend(message === undefined ? 0 : delivery.qos)) return false
    stored.take()
    this.#ports.sink.sentFromQueue(ref, this.#recipient.id)
    const copy = message && this.#copyOf(message, delivery)
    if (isSent) this.transmitter.retransmit(packetId, ref, copy)
    else if (copy !== undefined) {
      this.pressure?.sent(sizeInQueue(copy.message))
      this.transmitter.sendQueued(ref, copy)
    }
    return true
  }

  #copyOf(message: Message, { qos, retain, subscriptionIdentifiers: stored, share }: QueueDelivery): Delivery {
    const others = share === undefined ? this.#recipient.identifiersOfQoS0(message.topic) : []
    const identifiers = others.length > 0 ? [...(stored ?? []), ...others] : stored
    return new Delivery(message, qos, retain, identifiers, share)
  }

  #sendLive(delivery: Delivery): void {
    this.#retained?.overtake(delivery.message)
    this.transmitter.send(delivery)
  }

  #beginRead(): void {
    this.#readAgain = false
    const { transmitter } = this
    this.#skip = transmitter.hasPending ? new Set([...transmitter.pending()].map(refKey)) : undefined
    const { store } = this.#ports
    const { id } = this.#recipient
    const entries = this.#resuming ? () => store.inflight(id) : () => store.queued(id)
    this.#stored = new Source(entries, this.pump, this.#failed)
  }

  /** Bytes that may wait in memory before messages with QoS 0 are dropped. */
  get #mostInMemory(): number {
    const { options, load } = this.#ports
    const mayBurst = this.pressure?.mayBurst === true && load.waitingBytes < options.maxTotalQueuedBytes * BURST_SHARE
    return mayBurst ? options.maxBurstBytes : options.maxOutboxBytes
  }

  #wait(delivery: Delivery): void {
    const { limits } = this.#recipient
    const { maxMessages, maxBytes, overflow } = this.pressure?.extend(limits) ?? limits
    const { message, qos } = delivery
    const waiting = this.#waiting
    const size = sizeInQueue(message)
    // one message larger than the limit waits alone
    if (qos === 0 && waiting.length > 0 && waiting.bytes + size > this.#mostInMemory) {
      this.#drop(delivery, 'outbox-full')
      return
    }
    while (waiting.length > 0 && (waiting.length >= maxMessages || waiting.bytes + size > maxBytes)) {
      if (overflow !== 'drop-oldest') {
        this.#drop(delivery, 'queue-full')
        return
      }
      const oldest = waiting.shift()
      this.pressure?.removed(sizeInQueue(oldest.message))
      this.#drop(oldest, 'queue-full')
    }
    keepPayload(message)
    waiting.push(delivery, size)
    this.#press().added(size)
  }

  #drop({ message, share }: Delivery, reason: DropReason): void {
    if (share !== undefined) this.#ports.sink.sharedDone?.(message)
    this.#tellDropped(message, reason)
  }

  #tellDropped(message: Message, reason: DropReason): void {
    this.#ports.events.emit('drop', { clientId: this.#recipient.id, message, reason })
  }

  readonly #failed = (error: unknown): void => {
    this.#resuming = false
    this.#readAgain = false
    if (!this.#closed) this.#link.fail(wrapError('ANAX_ERR_STORE', error))
  }
}
