/**
 * What outlives a stream: a client's subscriptions, its unreleased packet ids, and its messages on the way.
 * Does no I/O: while the client is connected a link does it, otherwise the store alone has the session.
 */
import type { MaybePromise, QueueLimits } from '../../types/persistence.js'
import type { Delivery } from './delivery.js'
import { Outgoing } from './outgoing.js'
import type { Link, Ports, SharedDelivery } from './ports.js'
import type { SessionSubscription } from './subscription.js'

/** A Session Expiry Interval that never ends. */
export const NEVER_EXPIRES = 0xffffffff

/** How a session is kept. */
export interface SessionKeeping {
  /** Seconds. */
  expiryInterval: number
  stored: boolean
  limits: QueueLimits
}

export class Session {
  readonly id: string
  readonly #ports: Ports
  readonly subscriptions = new Map<string, SessionSubscription>()
  /** Packet ids of QoS 2 messages that the client sent and has not released [MQTT-4.3.3-10]. */
  readonly incoming = new Set<number>()
  readonly limits: QueueLimits
  /**
   * Whether the store has it. Decided when it is opened: an expiry of 0 cannot be raised later [MQTT-3.14.2-2],
   * and one that is lowered in DISCONNECT ends the session with the connection.
   */
  readonly stored: boolean
  /** Seconds that the session lives without its connection. */
  expiryInterval: number
  outgoing: Outgoing | undefined

  constructor(id: string, keeping: SessionKeeping, ports: Ports) {
    this.id = id
    this.expiryInterval = keeping.expiryInterval
    this.stored = keeping.stored
    this.limits = keeping.limits
    this.#ports = ports
  }

  /** Connects it to a client that takes `quota` unacknowledged messages. */
  attach(link: Link, quota: number): void {
    this.outgoing = new Outgoing(this, link, this.#ports, quota)
  }

  /** The connection is over. @returns what came through shared subscriptions and can go to other members */
  async detach(): Promise<SharedDelivery[]> {
    const { outgoing } = this
    if (outgoing === undefined) return []
    this.outgoing = undefined
    const left = outgoing.close()
    await outgoing.sender.settled()
    return left
  }

  /** A message for the client; lost if it is not connected, for then the store has what is to be kept. */
  deliver(delivery: Delivery): void {
    this.outgoing?.deliver(delivery)
  }

  /** Remembers the packet id of an incoming QoS 2 message. */
  receive(packetId: number): MaybePromise<void> {
    this.incoming.add(packetId)
    return this.stored ? this.#ports.store.addIncoming(this.id, packetId) : undefined
  }

  /** PUBREL: the packet id is free. */
  release(packetId: number): MaybePromise<void> {
    this.incoming.delete(packetId)
    return this.stored ? this.#ports.store.removeIncoming(this.id, packetId) : undefined
  }
}
