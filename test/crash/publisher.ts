/**
 * A publisher that does what the standard asks of it: unacknowledged packets are sent again after a reconnect, in
 * order, with DUP; what was received is released, not sent again. Its state survives everything.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { DecodedPacket } from '../../lib/codec/index.js'
import type { PublishPacket } from '../../types/packets.js'
import { Actor, type World } from './actor.js'
import type { Link } from './link.js'

/** A message on its way. */
interface Sent {
  packet: PublishPacket
  state: 'published' | 'received'
}

const TOPICS = 3
const MAX_IN_FLIGHT = 30
const MAX_BURST = 12
const MAX_PAUSE_MS = 15

export class Publisher extends Actor {
  /** How many messages were published to each topic; their payloads count them. */
  readonly published = new Map<string, number>()
  /** The last message of each topic that was acknowledged. */
  readonly acknowledged = new Map<string, number>()
  readonly #inFlight = new Map<number, Sent>()
  #lastPacketId = 0

  constructor(world: World, number: number) {
    super(world, `publisher-${number}`, number % 2 === 0 ? world.newestVersion : 4)
  }

  get isDone(): boolean {
    return this.#inFlight.size === 0
  }

  protected async connected(link: Link): Promise<void> {
    for (const [messageId, { packet, state }] of this.#inFlight) {
      link.send(state === 'received' ? { cmd: 'pubrel', messageId } : { ...packet, dup: true })
    }
    while (this.link === link) {
      if (this.world.isRough) this.#burst(link)
      if (this.world.isRough && this.random.chance(0.005)) return
      await delay(this.random.between(1, MAX_PAUSE_MS))
    }
  }

  protected received(packet: DecodedPacket, link: Link): void {
    if (packet.cmd === 'puback') {
      this.#finish(packet.messageId)
    } else if (packet.cmd === 'pubrec') {
      const sent = this.#inFlight.get(packet.messageId)
      if (sent?.state === 'published') this.#acknowledge(packet.messageId, sent)
      link.send({ cmd: 'pubrel', messageId: packet.messageId })
    } else if (packet.cmd === 'pubcomp') {
      this.#inFlight.delete(packet.messageId)
    }
  }

  #burst(link: Link): void {
    for (let left = this.random.between(0, MAX_BURST); left > 0; left--) {
      if (this.#inFlight.size >= MAX_IN_FLIGHT) return
      const number = this.random.between(0, TOPICS)
      // The last topic is retained.
      const topic = number === TOPICS ? `retained/${this.clientId}` : `p/${this.clientId}/${number}`
      const qos = number % 2 === 0 ? 2 : 1
      const count = (this.published.get(topic) ?? 0) + 1
      this.published.set(topic, count)
      const messageId = this.#nextPacketId()
      const payload = Buffer.from(`${count}`)
      const packet: PublishPacket = {
        cmd: 'publish',
        topic,
        payload,
        qos,
        retain: number === TOPICS,
        dup: false,
        messageId,
      }
      this.#inFlight.set(messageId, { packet, state: 'published' })
      link.send(packet)
    }
  }

  /** PUBREC: from here on, the message is the broker's. Behind those that are not yet, as they are to be sent again. */
  #acknowledge(messageId: number, sent: Sent): void {
    sent.state = 'received'
    this.#note(sent)
    this.#inFlight.delete(messageId)
    this.#inFlight.set(messageId, sent)
  }

  #finish(messageId: number): void {
    const sent = this.#inFlight.get(messageId)
    if (sent === undefined) return
    this.#note(sent)
    this.#inFlight.delete(messageId)
  }

  #note({ packet: { topic, payload } }: Sent): void {
    this.acknowledged.set(topic, Math.max(this.acknowledged.get(topic) ?? 0, Number(payload)))
  }

  #nextPacketId(): number {
    do this.#lastPacketId = (this.#lastPacketId % 65_535) + 1
    while (this.#inFlight.has(this.#lastPacketId))
    return this.#lastPacketId
  }
}
