/** Subscribes and unsubscribes all the time; what was acknowledged last must hold in the end. */
import { setTimeout as delay } from 'node:timers/promises'
import type { DecodedPacket } from '../../lib/codec/index.js'
import { Actor, type World } from './actor.js'
import type { Link } from './link.js'

const FILTERS = 8
const MAX_PAUSE_MS = 20

export class Churner extends Actor {
  /** Filters that are subscribed, as far as acknowledged. */
  readonly subscribed = new Set<string>()
  readonly allTopics: readonly string[] = Array.from({ length: FILTERS }, (_, i) => `churn/${i}`)
  /** Topics of what arrived. */
  readonly arrived = new Set<string>()
  /** What was asked and is not answered; asked again until it is. */
  #asked: { cmd: 'subscribe' | 'unsubscribe'; topic: string; messageId: number } | undefined
  #lastPacketId = 0

  constructor(world: World) {
    super(world, 'churner', world.newestVersion)
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

  protected received(packet: DecodedPacket, link: Link): void {
    if (packet.cmd === 'publish') {
      this.arrived.add(packet.topic)
      if (packet.qos === 1) link.send({ cmd: 'puback', messageId: packet.messageId! })
      return
    }
    if (packet.cmd !== 'suback' && packet.cmd !== 'unsuback') return
    if (packet.messageId !== this.#asked?.messageId) return
    if (packet.cmd === 'suback') this.subscribed.add(this.#asked.topic)
    else this.subscribed.delete(this.#asked.topic)
    this.#asked = undefined
  }

  #ask(link: Link): void {
    const { cmd, topic, messageId } = this.#asked!
    if (cmd === 'subscribe') link.send({ cmd, messageId, subscriptions: [{ topic, qos: 1 }] })
    else link.send({ cmd, messageId, unsubscriptions: [topic] })
  }
}
