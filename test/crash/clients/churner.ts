/** Subscribes and unsubscribes all the time; the last acknowledged state must hold at the end. */
import { setTimeout as delay } from 'node:timers/promises'
import type { DecodedPacket } from '../../../lib/codec/index.js'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import type { Random } from '../random.js'
import { Actor, type World } from './actor.js'
import { isFilterRefused, type Link } from './link.js'

const FILTERS = 8
const MAX_PAUSE_MS = 20

export class Churner extends Actor {
  /** Acknowledged filters. */
  readonly subscribed = new Set<string>()
  readonly allTopics: readonly string[] = Array.from({ length: FILTERS }, (_, i) => `churn/${i}`)
  /** Topics of arrived messages. */
  readonly arrived = new Set<string>()
  sessions = 0
  /** Requests that are not answered yet; sent again until they are. */
  #asked: { cmd: 'subscribe' | 'unsubscribe'; topic: string; messageId: number } | undefined
  #lastPacketId = 0

  constructor(world: World, version: ProtocolVersion, random: Random) {
    super(world, 'churner', version, random)
  }

  get isDone(): boolean {
    return this.#asked === undefined
  }

  protected async connected(link: Link): Promise<void> {
    if (this.#asked !== undefined) this.#ask(link)
    while (this.link === link) {
      if (this.world.isRough && this.#asked === undefined) {
        this.#lastPacketId = (this.#lastPacketId % 65_535) + 1
        const topic = this.allTopics[this.random.between(0, FILTERS - 1)]!
        const cmd = this.subscribed.has(topic) ? 'unsubscribe' : 'subscribe'
        this.#asked = { cmd, topic, messageId: this.#lastPacketId }
        this.#ask(link)
      }
      await delay(this.random.between(1, MAX_PAUSE_MS))
    }
  }

  protected received(packets: readonly DecodedPacket[], link: Link): void {
    for (const packet of packets) this.#take(packet, link)
    link.answer(packets)
  }

  #take(packet: DecodedPacket, link: Link): void {
    switch (packet.cmd) {
      case 'connack':
        if (!packet.sessionPresent) this.sessions++
        break
      case 'publish':
        this.arrived.add(packet.topic)
        break
      case 'suback':
      case 'unsuback':
        if (packet.messageId !== this.#asked?.messageId) break
        if (isFilterRefused(packet)) this.#ask(link)
        else this.#answered()
        break
    }
  }

  #answered(): void {
    const { cmd, topic } = this.#asked!
    if (cmd === 'subscribe') this.subscribed.add(topic)
    else this.subscribed.delete(topic)
    this.#asked = undefined
  }

  #ask(link: Link): void {
    const { cmd, topic, messageId } = this.#asked!
    if (cmd === 'subscribe') link.send({ cmd, messageId, subscriptions: [{ topic, qos: 1 }] })
    else link.send({ cmd, messageId, unsubscriptions: [topic] })
  }
}
