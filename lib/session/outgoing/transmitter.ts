/**
 * Sends messages to one client and follows each until it is acknowledged: the outbound half of QoS 0, 1 and 2.
 * Owns the messages in flight and tells the store about each step. Must not know which message comes next.
 */
import type { DropReason } from '../../../types/broker/events.js'
import type { Message } from '../../../types/message/message.js'
import type { MessageRef } from '../../../types/persistence.js'
import { frames } from '../../codec/encode/encoder.js'
import { type Frame, INLINE_PAYLOAD } from '../../codec/wire/frame.js'
import { wrapError } from '../../errors.js'
import { Delivery } from '../../model/delivery.js'
import { type AwaitedAck, Inflight, Sent } from '../../model/inflight.js'
import { keepPayload, ownProperties } from '../../model/message.js'
import { deliveries } from '../../model/metering/trace-points.js'
import type { SharedDelivery } from '../../model/shared-delivery.js'
import type { Ports } from '../../ports/ports.js'
import { ReasonCode } from '../../reason-codes.js'
import { isPromise } from '../../util/maybe-promise.js'
import { DeliveryTraces } from './delivery-traces.js'
import type { Link } from './link.js'
import type { Recipient } from './recipient.js'

/** A frame that waits for the store, or behind an earlier frame that does. */
interface PendingWrite {
  frame: Frame
  packetId: number
  /** Whether it waits only for earlier frames. */
  ready: boolean
}

/** With this many frames waiting for a store operation, no further message is sent. */
const MAX_PENDING_WRITES = 1000

export class Transmitter {
  readonly inflight: Inflight
  readonly #recipient: Recipient
  readonly #link: Link
  readonly #ports: Ports
  readonly #onRoom: () => void
  #pendingWrites: PendingWrite[] = []
  /** Pending store operations, by message. */
  #storing: Map<MessageRef, Promise<unknown>> | undefined
  /** Created when deliveries are traced. */
  #traces: DeliveryTraces | undefined

  /**
   * @param quota how many QoS 1 and 2 messages may be unacknowledged
   * @param onRoom called when frames that waited for the store were written, so that more messages can be sent
   */
  constructor(recipient: Recipient, link: Link, ports: Ports, quota: number, onRoom: () => void) {
    this.#recipient = recipient
    this.#onRoom = onRoom
    this.#link = link
    this.#ports = ports
    this.inflight = new Inflight(quota, ports.load)
  }

  /** Whether a message of this QoS may be sent now. */
  canSend(qos: number): boolean {
    return this.#link.ready && (qos === 0 || this.inflight.hasQuota) && this.#pendingWrites.length < MAX_PENDING_WRITES
  }

  /** Sends a message. One that is expired, withheld by the host or too large is dropped, with an event. */
  send(delivery: Delivery): void {
    const { message } = delivery
    if (message.messageExpiry !== undefined && message.messageExpiry <= this.#ports.timers.wallTime()) {
      this.#drop(delivery, 'expired')
      return
    }
    if (delivery.qos > 0 && this.#sharesPayload(message)) keepPayload(message)
    const forwarded = this.#forward(delivery)
    if (forwarded === undefined) {
      this.#drop(delivery, 'not-forwarded')
      return
    }
    const frame = this.#link.frame(forwarded, 'first')
    if (typeof frame === 'string') this.#drop(delivery, frame)
    else if (forwarded.qos === 0) {
      this.#write(frame, 0)
      if (deliveries.isOn) this.#tellSent(delivery, 0)
    } else this.#track(forwarded, frame, message)
  }

  /**
   * Sends a message from the stored queue. A QoS 0 message is removed from the queue immediately, because it is not
   * acknowledged.
   */
  sendQueued(ref: MessageRef, delivery: Delivery): void {
    this.send(delivery)
    if (delivery.qos === 0) this.#remove(ref, undefined, delivery)
  }

  /** Retransmits a message that was in flight on an earlier connection of the session [MQTT-4.4.0-1]. */
  retransmit(packetId: number, ref: MessageRef, delivery: Delivery | undefined): void {
    if (delivery === undefined) {
      this.inflight.restore(packetId, new Sent(ref, undefined))
      this.#write(frames.pubrel, packetId)
      return
    }
    const forwarded = this.#forward(delivery)
    const frame = forwarded === undefined ? 'not-forwarded' : this.#link.frame(forwarded, 'again')
    if (typeof frame === 'string') {
      if (delivery.qos === 2) this.#releaseUnsent(packetId, ref, delivery, frame)
      else this.#drop(delivery, frame, packetId)
      return
    }
    this.inflight.restore(packetId, new Sent(ref, delivery))
    this.#write(frame, packetId)
    if (deliveries.isOn) this.#tellSent(delivery, packetId)
  }

  /**
   * Handles PUBACK or PUBCOMP: the message was delivered.
   * @returns the message; undefined if the packet id did not await this packet
   */
  acknowledged(packetId: number, by: 'puback' | 'pubcomp', reasonCode: number = ReasonCode.Success): Sent | undefined {
    const message = this.inflight.get(packetId)
    if (message?.awaits !== by) return undefined
    this.#finish(packetId, message)
    if (by === 'puback' && reasonCode >= ReasonCode.UnspecifiedError) this.#refused(message)
    return message
  }

  /**
   * Handles PUBREC [MQTT-4.3.3-4]: answers with PUBREL once the store has noted it.
   * @returns whether the packet id awaited one
   */
  pubrecReceived(packetId: number, reasonCode: number): boolean {
    const message = this.inflight.get(packetId)
    if (message === undefined || message.awaits === 'puback') return false
    if (reasonCode >= ReasonCode.UnspecifiedError) {
      this.#finish(packetId, message)
      this.#refused(message)
      return true
    }
    const repeated = message.awaits === 'pubcomp'
    message.awaits = 'pubcomp'
    message.message = undefined
    // the reference was the message itself, whose payload is no longer needed
    const { brokerId, brokerCounter } = message.ref
    message.ref = { brokerId, brokerCounter }
    const known =
      this.#recipient.stored && !repeated
        ? this.#attempt(() => this.#ports.store.markReleased(this.#recipient.id, message.ref, packetId))
        : undefined
    // otherwise, after a crash, the message would be sent a second time
    this.#write(frames.pubrel, packetId, known)
    return true
  }

  /** The packet that is awaited from the client for a packet id. */
  awaited(packetId: number): AwaitedAck | undefined {
    return this.inflight.get(packetId)?.awaits
  }

  get hasPending(): boolean {
    return this.inflight.size > 0 || (this.#storing !== undefined && this.#storing.size > 0)
  }

  /** The messages in flight, and those that the store is still removing: its queue may show both. */
  *pending(): Generator<MessageRef> {
    for (const { ref } of this.inflight.all()) yield ref
    if (this.#storing !== undefined) yield* this.#storing.keys()
  }

  /** The messages in flight that other members may get, in the order in which they were published. */
  unacknowledgedShared(): SharedDelivery[] {
    const left: SharedDelivery[] = []
    for (const { message, ref, share, awaits } of this.inflight.all()) {
      // [MQTT-4.8.2-5]: a QoS 2 message that was sent goes to no other member
      if (message !== undefined && share !== undefined && awaits === 'puback') left.push({ message, share })
      else if (share !== undefined) this.#ports.sink.sharedDone?.(ref)
    }
    return left.sort((one, other) => one.message.brokerCounter - other.message.brokerCounter)
  }

  /** Ends all exchanges: nothing more is sent or acknowledged. */
  close(): void {
    this.inflight.close()
    this.#traces?.close()
  }

  /** Resolves when no store operation is pending; undefined if none is. */
  storeSettled(): Promise<void> | undefined {
    return this.#storing?.size ? this.#stored() : undefined
  }

  async #stored(): Promise<void> {
    while (this.#storing?.size) await Promise.all(this.#storing.values())
  }

  /**
   * Whether the hook's copy, or the frame, has the same payload as the message, which is kept until it is acknowledged.
   */
  #sharesPayload({ payload }: Message): boolean {
    return payload.length > INLINE_PAYLOAD || this.#ports.authorizer.authorizeForward !== undefined
  }

  /** The message that `authorizeForward` returned for this client; undefined if it is withheld. */
  #forward(delivery: Delivery): Delivery | undefined {
    const gate = this.#ports.authorizer.authorizeForward
    if (gate === undefined) return delivery
    const { message, qos, retain, subscriptionIdentifiers, share } = delivery
    const copy = gate(this.#link.client, { ...message, properties: ownProperties(message), qos, retain })
    if (copy === true) return delivery
    return copy && new Delivery(copy, qos, copy.retain, subscriptionIdentifiers, share)
  }

  /** @param ref the message, which is kept until it is acknowledged */
  #track(delivery: Delivery, frame: Frame, ref: Message): void {
    // only now: the frame may be the packet in which the message arrived
    keepPayload(ref)
    const packetId = this.inflight.add(new Sent(ref, delivery))
    if (deliveries.isOn) this.#tellSent(delivery, packetId)
    if (!this.#recipient.stored) {
      this.#write(frame, packetId)
      return
    }
    const marked = this.#attempt(() => this.#ports.store.markSent(this.#recipient.id, ref, packetId, delivery))
    if (marked) this.#trackStore(ref, marked)
    // QoS 2: the client remembers the packet id, so after a crash the broker has to know it as well
    this.#write(frame, packetId, delivery.qos === 2 ? marked : undefined)
  }

  /** Drops a QoS 2 message that the client may already have: the client remembers the packet id until PUBREL. */
  #releaseUnsent(packetId: number, ref: MessageRef, delivery: Delivery, reason: DropReason): void {
    this.inflight.restore(packetId, new Sent(ref, delivery))
    this.pubrecReceived(packetId, ReasonCode.Success)
    this.#ports.events.emit('drop', { clientId: this.#recipient.id, message: delivery.message, reason })
  }

  #tellSent({ message, qos }: Delivery, packetId: number): void {
    this.#traces ??= new DeliveryTraces()
    this.#traces.sent({ clientId: this.#recipient.id, message, qos, packetId, outcome: undefined })
  }

  #finish(packetId: number, { ref, share }: Sent): void {
    this.#traces?.acknowledged(packetId)
    this.inflight.remove(packetId)
    if (share !== undefined) this.#ports.sink.sharedDone?.(ref)
    this.#remove(ref, packetId)
  }

  /** The client will not take the message, and it must not be sent again [MQTT-4.4.0-2]. */
  #refused({ message }: Sent): void {
    if (message === undefined) return
    this.#ports.events.emit('drop', { clientId: this.#recipient.id, message, reason: 'refused' })
  }

  #remove(ref: MessageRef, packetId: number | undefined, copy?: Delivery): void {
    if (!this.#recipient.stored) return
    const removed = this.#attempt(() => this.#ports.store.removeQueued(this.#recipient.id, ref, packetId, copy))
    if (removed) this.#trackStore(ref, removed)
  }

  #drop(delivery: Delivery, reason: DropReason, packetId?: number): void {
    const { message, qos } = delivery
    if (qos > 0) this.#remove(message, packetId, delivery)
    if (delivery.share !== undefined) this.#ports.sink.sharedDone?.(message)
    this.#ports.events.emit('drop', { clientId: this.#recipient.id, message, reason })
  }

  /** Writes in order: a frame that waits for the store holds back later frames. */
  #write(frame: Frame, packetId: number, known?: Promise<boolean>): void {
    if (known === undefined && this.#pendingWrites.length === 0) {
      this.#link.write(frame, packetId)
      return
    }
    const pending: PendingWrite = { frame, packetId, ready: known === undefined }
    this.#pendingWrites.push(pending)
    known?.then(done => {
      pending.ready = done
      this.#writePending()
    })
  }

  #writePending(): void {
    while (this.#pendingWrites[0]?.ready) {
      const { frame, packetId } = this.#pendingWrites.shift()!
      this.#link.write(frame, packetId)
    }
    this.#onRoom()
  }

  /**
   * A failure of the store ends the connection: the message is redelivered on reconnect. Resolves to whether it
   * succeeded.
   */
  #attempt(operation: () => void | Promise<void>): Promise<boolean> | undefined {
    try {
      const outcome = operation()
      return isPromise(outcome) ? outcome.then(succeeded, this.#failed) : undefined
    } catch (error) {
      this.#failed(error)
      return undefined
    }
  }

  readonly #failed = (error: unknown): false => {
    this.#link.fail(wrapError('ANAX_ERR_STORE', error))
    return false
  }

  #trackStore(ref: MessageRef, operation: Promise<unknown>): void {
    const storing = this.#storing ?? new Map<MessageRef, Promise<unknown>>()
    this.#storing = storing
    const earlier = storing.get(ref)
    const both = earlier ? Promise.all([earlier, operation]) : operation
    storing.set(ref, both)
    both.then(() => {
      if (storing.get(ref) === both) storing.delete(ref)
    })
  }
}

const succeeded = (): true => true
