/**
 * Sends messages to one client and follows each until it is acknowledged: the outbound half of QoS 0, 1 and 2.
 * Owns what is in flight and keeps the store in step with it; must not know which message comes next.
 */
import type { DropReason } from '../../types/events.js'
import type { MessageRef } from '../../types/persistence.js'
import type { Frame } from '../codec/wire/frame.js'
import { wrapError } from '../errors.js'
import { Delivery } from '../model/delivery.js'
import { type AwaitedAck, Inflight, Sent } from '../model/inflight.js'
import { keepPayload, ownProperties } from '../model/message.js'
import { ReasonCode } from '../reason-codes.js'
import { isPromise } from '../util/maybe-promise.js'
import type { Link, Ports } from './ports.js'
import type { Session } from './session.js'

/** A frame that may have to wait for the store, and those behind it for their turn. */
interface Gated {
  frame: Frame
  packetId: number
  open: boolean
}

/** Above this many frames behind one store operation, the queue waits. */
const MAX_GATED = 1000

export class Sender {
  readonly inflight: Inflight
  readonly #session: Session
  readonly #link: Link
  readonly #ports: Ports
  #gated: Gated[] = []
  /** Store operations that are under way, by the message they are about. */
  #settling: Map<MessageRef, Promise<unknown>> | undefined

  constructor(session: Session, link: Link, ports: Ports, quota: number) {
    this.#session = session
    this.#link = link
    this.#ports = ports
    this.inflight = new Inflight(quota)
  }

  /** Whether a message of this QoS may be sent now. */
  canSend(qos: number): boolean {
    return this.#link.ready && (qos === 0 || this.inflight.hasQuota) && this.#gated.length < MAX_GATED
  }

  /** Sends a message, or drops it with an event: expired, withheld, or too large. */
  send(delivery: Delivery): void {
    const { message } = delivery
    if (message.messageExpiry !== undefined && message.messageExpiry <= this.#ports.timers.wallTime()) {
      this.#drop(delivery, 'expired')
      return
    }
    // kept until it is acknowledged; before anything else is made of it, for that is kept with it
    if (delivery.qos > 0) keepPayload(message)
    const forwarded = this.#forward(delivery)
    if (forwarded === undefined) {
      this.#drop(delivery, 'not-forwarded')
      return
    }
    const frame = this.#link.frame(forwarded, 'first')
    if (typeof frame === 'string') this.#drop(delivery, frame)
    else if (forwarded.qos === 0) this.#write(frame, 0)
    else this.#track(forwarded, frame, message)
  }

  /** Sends a message from the stored queue. Nobody acknowledges QoS 0: it leaves the queue, whatever became of it. */
  sendQueued(ref: MessageRef, delivery: Delivery): void {
    this.send(delivery)
    if (delivery.qos === 0) this.#remove(ref, undefined, delivery)
  }

  /** Sends again what an earlier connection of the session had in flight [MQTT-4.4.0-1]. */
  resend(packetId: number, ref: MessageRef, delivery: Delivery | undefined): void {
    if (delivery === undefined) {
      this.inflight.restore(packetId, new Sent(ref, undefined))
      this.#write(this.#link.release(), packetId)
      return
    }
    const forwarded = this.#forward(delivery)
    const frame = forwarded === undefined ? 'not-forwarded' : this.#link.frame(forwarded, 'again')
    if (typeof frame === 'string') {
      if (delivery.qos === 2) this.#abandon(packetId, ref, delivery, frame)
      else this.#drop(delivery, frame, packetId)
      return
    }
    this.inflight.restore(packetId, new Sent(ref, delivery))
    this.#write(frame, packetId)
  }

  /** PUBACK, or PUBCOMP: the message is delivered. @returns it, where the packet id was awaited to say so */
  finished(packetId: number, by: 'puback' | 'pubcomp'): Sent | undefined {
    const message = this.inflight.get(packetId)
    if (message?.awaits !== by) return undefined
    this.#forget(packetId, message)
    return message
  }

  /** PUBREC [MQTT-4.3.3-4]: answers PUBREL as soon as the store knows. @returns whether the packet id was awaited */
  received(packetId: number, reasonCode: number): boolean {
    const message = this.inflight.get(packetId)
    if (message === undefined || message.awaits === 'puback') return false
    if (reasonCode >= ReasonCode.UnspecifiedError) {
      this.#forget(packetId, message)
      return true
    }
    const repeated = message.awaits === 'pubcomp'
    message.awaits = 'pubcomp'
    message.message = undefined
    // the reference is the message itself, whose payload is not needed any more
    const { brokerId, brokerCounter } = message.ref
    message.ref = { brokerId, brokerCounter }
    const known =
      this.#session.stored && !repeated
        ? this.#attempt(() => this.#ports.store.markReleased(this.#session.id, message.ref, packetId))
        : undefined
    // a PUBREL that a crash forgets would let the message through a second time
    this.#write(this.#link.release(), packetId, known)
    return true
  }

  /** What packet the client owes for a packet id. */
  awaited(packetId: number): AwaitedAck | undefined {
    return this.inflight.get(packetId)?.awaits
  }

  /** The messages that the store may still show although they are dealt with. */
  *busy(): Generator<MessageRef> {
    for (const { ref } of this.inflight.all()) yield ref
    if (this.#settling !== undefined) yield* this.#settling.keys()
  }

  /** Resolves when the store knows everything. */
  async settled(): Promise<void> {
    while (this.#settling?.size) await Promise.all(this.#settling.values())
  }

  /** The copy that the host lets this client have. */
  #forward(delivery: Delivery): Delivery | undefined {
    const gate = this.#ports.authorizer.authorizeForward
    if (gate === undefined) return delivery
    const { message, qos, retain, subscriptionIdentifiers, share } = delivery
    const copy = gate(this.#link.client, { ...message, properties: ownProperties(message), qos, retain })
    return copy && new Delivery(copy, qos, copy.retain, subscriptionIdentifiers, share)
  }

  #track(delivery: Delivery, frame: Frame, ref: MessageRef): void {
    const packetId = this.inflight.add(new Sent(ref, delivery))
    if (!this.#session.stored) {
      this.#write(frame, packetId)
      return
    }
    const marked = this.#attempt(() => this.#ports.store.markSent(this.#session.id, ref, packetId, delivery))
    if (marked) this.#settle(ref, marked)
    // QoS 2: the client remembers the packet id, so after a crash the broker has to know it as well
    this.#write(frame, packetId, delivery.qos === 2 ? marked : undefined)
  }

  /** QoS 2: the client may have it already, and remembers the packet id until it is released. */
  #abandon(packetId: number, ref: MessageRef, delivery: Delivery, reason: DropReason): void {
    this.inflight.restore(packetId, new Sent(ref, delivery))
    this.received(packetId, ReasonCode.Success)
    this.#ports.events.emit('drop', { clientId: this.#session.id, message: delivery.message, reason })
  }

  #forget(packetId: number, { ref }: Sent): void {
    this.inflight.remove(packetId)
    this.#remove(ref, packetId)
  }

  #remove(ref: MessageRef, packetId: number | undefined, copy?: Delivery): void {
    if (!this.#session.stored) return
    const removed = this.#attempt(() => this.#ports.store.removeQueued(this.#session.id, ref, packetId, copy))
    if (removed) this.#settle(ref, removed)
  }

  #drop(delivery: Delivery, reason: DropReason, packetId?: number): void {
    const { message, qos } = delivery
    if (qos > 0) this.#remove(message, packetId, delivery)
    this.#ports.events.emit('drop', { clientId: this.#session.id, message, reason })
  }

  /** Writes in order: what has to wait for the store holds back what comes after it. */
  #write(frame: Frame, packetId: number, known?: Promise<boolean>): void {
    if (known === undefined && this.#gated.length === 0) {
      this.#link.write(frame, packetId)
      return
    }
    const gated: Gated = { frame, packetId, open: known === undefined }
    this.#gated.push(gated)
    known?.then(done => {
      gated.open = done
      this.#openGate()
    })
  }

  #openGate(): void {
    while (this.#gated[0]?.open) {
      const { frame, packetId } = this.#gated.shift()!
      this.#link.write(frame, packetId)
    }
    this.#session.outgoing?.pump()
  }

  /** A store that fails ends the connection: the client comes back to what is stored. Resolves whether it worked. */
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

  #settle(ref: MessageRef, operation: Promise<unknown>): void {
    const settling = this.#settling ?? new Map<MessageRef, Promise<unknown>>()
    this.#settling = settling
    const earlier = settling.get(ref)
    const both = earlier ? Promise.all([earlier, operation]) : operation
    settling.set(ref, both)
    both.then(() => {
      if (settling.get(ref) === both) settling.delete(ref)
    })
  }
}

const succeeded = (): true => true
