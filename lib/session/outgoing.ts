/**
 * Which message a client gets next. Owns the order: what is live, what waits here, what waits in the store,
 * and the retained messages of new subscriptions. Must not know packets, acknowledgements or the stream.
 *
 * A message goes straight through while nothing waits. Otherwise
 *   - a copy that the store holds (QoS 1 and 2 of a stored session) is left there and read back in order;
 *   - any other copy waits in memory, within bounds.
 * Numbers given at the store (brokerCounter) merge the two, so the order of a publisher's messages holds
 * whatever their QoS. Each broker on the bus has numbers of its own.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { DropReason } from '../../types/events.js'
import type { Message } from '../../types/message.js'
import type { QueueDelivery, QueuedMessage } from '../../types/persistence.js'
import { isQuotaError, wrapError } from '../errors.js'
import { Backlog, sizeInQueue } from '../model/backlog.js'
import { Delivery } from '../model/delivery.js'
import { copyOf, keepPayload, refKey } from '../model/message.js'
import type { SharedDelivery } from '../model/shared-delivery.js'
import type { SessionSubscription } from '../model/subscription.js'
import { isPromise } from '../util/maybe-promise.js'
import { Source } from '../util/source.js'
import type { Link, Ports } from './ports.js'
import { RetainedReplays } from './retained-replay.js'
import { Sender } from './sender.js'
import type { Session } from './session.js'

/** Messages sent in one go before the event loop gets its turn. */
const SLICE = 500

export class Outgoing {
  readonly sender: Sender
  readonly #session: Session
  readonly #link: Link
  readonly #ports: Ports
  readonly #waiting = new Backlog()
  /** The pass over the stored queue that is under way. */
  #stored: Source<QueuedMessage> | undefined
  /** Whether the pass is the one that begins the connection, over what an earlier one left unacknowledged. */
  #resuming = false
  /** Messages that the pass must not send: they were dealt with when it began. */
  #skip: Set<string> | undefined
  /** Whether messages came while the pass was under way. */
  #again = false
  #replays: RetainedReplays | undefined
  /** Called when a retained message may be there. */
  #onReplay: (() => void) | undefined
  /** Why retained messages could not be read, or queued. */
  #replayFailure: unknown
  /** Retained messages that are on their way into the stored queue. */
  #enqueuing = 0
  /** Messages are being sent, or go on to be in the next turn. */
  #pumping = false
  #closed = false

  constructor(session: Session, link: Link, ports: Ports, quota: number) {
    this.#session = session
    this.#link = link
    this.#ports = ports
    this.sender = new Sender(session, link, ports, quota)
  }

  /** A message came for this client. */
  deliver(delivery: Delivery): void {
    if (delivery.qos > 0 && this.#session.stored) this.#deliverStored(delivery)
    else if (this.#idle && this.sender.canSend(delivery.qos)) this.#sendLive(delivery)
    else this.#wait(delivery)
  }

  /**
   * Takes the session up where an earlier connection left it: only now is anything sent again [MQTT-4.4.0-1]. All that
   * has a packet id comes first: a new message must not get one of those [MQTT-2.2.1-4].
   */
  resume(): void {
    this.#resuming = true
    this.readStored()
  }

  /** Reads the stored queue, when something was added outside of the routing. */
  readStored(): void {
    if (this.#stored === undefined) this.#beginPass()
    else this.#again = true
    this.pump()
  }

  /** Sends the retained messages of a new subscription [MQTT-3.3.1-6]. */
  replay(subscription: SessionSubscription): void {
    this.#replays ??= new RetainedReplays(this.#ports, this.#replayed, this.#replayFailed)
    this.#replays.add(subscription)
    this.pump()
  }

  /** A subscription is no more: of its retained messages, none is sent any more [MQTT-3.10.4-2]. */
  endReplay(filter: string): void {
    this.#replays?.end(filter)
  }

  /**
   * The client has left, and its session stays: what it has not got yet of the retained messages that it subscribed to
   * is queued for it, as other messages are. No more of them are read than the queue may have.
   */
  async queueReplays(): Promise<void> {
    const replays = this.#replays
    if (replays === undefined) return
    const { maxMessages } = this.#session.limits
    let enqueued: Promise<void>[] = []
    for (let read = 0; read < maxMessages && !replays.isEmpty && this.#replayFailure === undefined; ) {
      if (replays.qos === 0) {
        replays.skip()
        continue
      }
      const next = replays.next()
      if (next === 'waiting') {
        await this.#nextReplay()
      } else if (next !== undefined) {
        read++
        // QoS 0 is nothing that waits for a client
        if (next.qos > 0) enqueued.push(this.#enqueueAway(next).catch(this.#replayFailed))
        if (read % SLICE === 0) {
          await Promise.all(enqueued)
          await nextTurn()
          enqueued = []
        }
      }
    }
    await Promise.all(enqueued)
    if (this.#replayFailure !== undefined) throw this.#replayFailure
  }

  #nextReplay(): Promise<void> {
    return new Promise(resolve => {
      this.#onReplay = resolve
    })
  }

  async #enqueueAway(delivery: Delivery): Promise<void> {
    try {
      await this.#ports.sink.enqueue(copyOf(delivery.message), this.#retainedCopy(delivery))
    } catch (error) {
      if (!isQuotaError(error)) throw error
      this.#drop(delivery.message, 'queue-full')
    }
  }

  readonly #replayed = (): void => {
    this.#onReplay?.()
    this.pump()
  }

  readonly #replayFailed = (error: unknown): void => {
    this.#replayFailure ??= error
    this.#onReplay?.()
    this.#failed(error)
  }

  /** Sends what may be sent. Called whenever the client or the stream can take more. */
  readonly pump = (): void => {
    if (this.#pumping || this.#closed) return
    this.#pumping = true
    let budget = SLICE
    while (budget > 0 && this.#step()) budget--
    // who asks in the meantime gets no further slice: many who ask would get many
    if (budget === 0) setImmediate(this.#goOn)
    else this.#pumping = false
  }

  readonly #goOn = (): void => {
    this.#pumping = false
    this.pump()
  }

  /** The connection is over. @returns what came through shared subscriptions and can go to other members */
  close(): SharedDelivery[] {
    this.#closed = true
    this.#stored?.close()
    this.#replays?.close()
    const left = this.#session.stored ? [] : this.#unacknowledged()
    for (const { message, share } of this.#waiting) {
      if (share !== undefined) left.push({ message, share })
      else this.#drop(message, 'disconnected')
    }
    return left
  }

  /** What was sent and may go to others, in the order in which it was published. */
  #unacknowledged(): SharedDelivery[] {
    const left: SharedDelivery[] = []
    for (const { message, share, awaits } of this.sender.inflight.all()) {
      // [MQTT-4.8.2-5]: QoS 2 goes to nobody else once it was sent
      if (message !== undefined && share !== undefined && awaits === 'puback') left.push({ message, share })
    }
    return left.sort((one, other) => one.message.brokerCounter - other.message.brokerCounter)
  }

  /** How much is under way to the client, to compare members of a shared subscription. */
  get load(): number {
    return this.sender.inflight.size + this.#waiting.length + (this.#stored === undefined ? 0 : 1)
  }

  get #idle(): boolean {
    return this.#stored === undefined && this.#waiting.length === 0
  }

  #deliverStored(delivery: Delivery): void {
    // it is in the queue: a retained message that comes there now is behind it
    this.#replays?.overtake(delivery.message)
    if (this.#idle && this.sender.canSend(delivery.qos)) {
      this.sender.send(delivery)
    } else {
      this.readStored()
    }
  }

  /** Does one thing. @returns whether there may be more to do */
  #step(): boolean {
    if (this.#stored !== undefined) return this.#stepStored(this.#stored)
    const waiting = this.#waiting.first
    if (waiting === undefined) return this.#stepReplay()
    if (!this.sender.canSend(waiting.qos)) return false
    this.#sendLive(this.#waiting.shift())
    return true
  }

  #stepStored(stored: Source<QueuedMessage>): boolean {
    switch (stored.look()) {
      case 'waiting':
        return false
      case 'done':
        this.#stored = undefined
        if (this.#resuming || this.#again) {
          this.#resuming = false
          this.#beginPass()
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
    if (!this.sender.canSend(0)) return false
    const earlier = this.#waiting.takeBefore(ref)
    if (earlier !== undefined) {
      this.#sendLive(earlier)
      return true
    }
    // what is only to be released takes nothing of the quota [MQTT-3.3.4-10]
    if (!this.sender.canSend(message === undefined ? 0 : delivery.qos)) return false
    stored.take()
    this.#ports.sink.sentFromQueue(ref, this.#session.id)
    const copy = message && this.#copyOf(message, delivery)
    if (isSent) this.sender.resend(packetId, ref, copy)
    else if (copy !== undefined) this.sender.sendQueued(ref, copy)
    return true
  }

  #copyOf(message: Message, { qos, retain, subscriptionIdentifiers: stored, share }: QueueDelivery): Delivery {
    const others = share === undefined ? this.#session.identifiersOfQoS0(message.topic) : []
    const identifiers = others.length > 0 ? [...(stored ?? []), ...others] : stored
    return new Delivery(message, qos, retain, identifiers, share)
  }

  #sendLive(delivery: Delivery): void {
    this.#replays?.overtake(delivery.message)
    this.sender.send(delivery)
  }

  #stepReplay(): boolean {
    const replays = this.#replays
    if (replays === undefined || replays.isEmpty) return false
    if (!this.sender.canSend(replays.qos) || !this.#hasRoom(replays.qos)) return false
    const next = replays.next()
    if (next === 'waiting') return false
    if (next === undefined) return true
    if (next.qos > 0 && this.#session.stored) this.#enqueue(next)
    else this.sender.send(next)
    return true
  }

  /** A stored session keeps its copy of a retained message until it is acknowledged, as of any other. */
  #enqueue(delivery: Delivery): void {
    const { message } = delivery
    const copy = this.#retainedCopy(delivery)
    const refused = (error: unknown) => {
      if (isQuotaError(error)) this.#drop(message, 'queue-full')
      else this.#failed(error)
    }
    try {
      const enqueued = this.#ports.sink.enqueue(copyOf(message), copy)
      if (!isPromise(enqueued)) {
        this.readStored()
        return
      }
      this.#enqueuing++
      enqueued.catch(refused).then(() => {
        this.#enqueuing--
        this.readStored()
      })
    } catch (error) {
      refused(error)
    }
  }

  #retainedCopy({ qos, retain, subscriptionIdentifiers }: Delivery): QueueDelivery {
    return { clientId: this.#session.id, qos, retain, subscriptionIdentifiers, share: undefined }
  }

  /** Whether the stored queue can do with another retained message: what the client does not take waits where it is. */
  #hasRoom(qos: number): boolean {
    const underWay = this.sender.inflight.size + this.#enqueuing
    return (
      qos === 0 || !this.#session.stored || (underWay < this.#session.limits.maxMessages && this.#enqueuing < SLICE)
    )
  }

  #beginPass(): void {
    this.#again = false
    this.#skip = new Set([...this.sender.busy()].map(refKey))
    const { store } = this.#ports
    const { id } = this.#session
    const entries = this.#resuming ? () => store.inflight(id) : () => store.queued(id)
    this.#stored = new Source(entries, this.pump, this.#failed)
  }

  #wait(delivery: Delivery): void {
    const { maxMessages, maxBytes, overflow } = this.#session.limits
    const { message, qos } = delivery
    const waiting = this.#waiting
    const size = sizeInQueue(message)
    if (qos === 0 && waiting.bytes + size > this.#ports.options.maxOutboxBytes) {
      this.#drop(message, 'outbox-full')
      return
    }
    while (waiting.length > 0 && (waiting.length >= maxMessages || waiting.bytes + size > maxBytes)) {
      if (overflow !== 'drop-oldest') {
        this.#drop(message, 'queue-full')
        return
      }
      this.#drop(waiting.shift().message, 'queue-full')
    }
    keepPayload(message)
    waiting.push(delivery, size)
  }

  #drop(message: Message, reason: DropReason): void {
    this.#ports.events.emit('drop', { clientId: this.#session.id, message, reason })
  }

  readonly #failed = (error: unknown): void => {
    this.#resuming = false
    this.#again = false
    if (!this.#closed) this.#link.fail(wrapError('ANAX_ERR_STORE', error))
  }
}
