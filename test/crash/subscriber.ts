/**
 * A subscriber with a stored session that does what the standard asks of it: the packet ids of QoS 2 messages that are
 * not released survive every reconnect, so that none is taken twice. Keeps what it got, in order.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { DecodedPacket } from '../../lib/codec/index.js'
import type { QoS } from '../../types/packets.js'
import { Actor, type World } from './actor.js'
import type { Link } from './link.js'

const MAX_STAY_MS = 400
const MAX_AWAY_MS = 150

export class Subscriber extends Actor {
  readonly qos: QoS
  /** Payloads by topic, in the order of arrival. */
  readonly messages = new Map<string, string[]>()
  /** Resolves when the subscriptions are acknowledged. */
  readonly subscribed: Promise<void>
  readonly #filters: readonly string[]
  readonly #unreleased = new Set<number>()
  #isSubscribed = false
  #noteSubscribed: () => void = () => {}

  constructor(world: World, number: number, qos: QoS, filters: readonly string[]) {
    super(world, `subscriber-${number}`, number % 2 === 0 ? world.newestVersion : 4)
    this.qos = qos
    this.#filters = filters
    this.subscribed = new Promise(resolve => {
      this.#noteSubscribed = resolve
    })
  }

  protected async connected(link: Link): Promise<void> {
    if (!this.#isSubscribed) {
      const subscriptions = this.#filters.map(topic => ({ topic, qos: this.qos }))
      link.send({ cmd: 'subscribe', messageId: 1, subscriptions })
    }
    do await delay(this.random.between(1, MAX_STAY_MS))
    while (this.link === link && !(this.#isSubscribed && this.world.isRough && this.random.chance(0.3)))
    link.drop()
    if (this.random.chance(0.5)) await delay(this.random.between(1, MAX_AWAY_MS))
  }

  protected received(packet: DecodedPacket, link: Link): void {
    switch (packet.cmd) {
      case 'suback':
        this.#isSubscribed = true
        this.#noteSubscribed()
        break
      case 'publish':
        this.#take(packet, link)
        break
      case 'pubrel':
        this.#unreleased.delete(packet.messageId)
        link.send({ cmd: 'pubcomp', messageId: packet.messageId })
        break
    }
  }

  #take({ topic, payload, qos, messageId }: Extract<DecodedPacket, { cmd: 'publish' }>, link: Link): void {
    if (qos === 2 && this.#unreleased.has(messageId!)) {
      link.send({ cmd: 'pubrec', messageId: messageId! })
      return
    }
    const messages = this.messages.get(topic) ?? []
    messages.push(payload.toString())
    this.messages.set(topic, messages)
    if (qos === 2) {
      this.#unreleased.add(messageId!)
      link.send({ cmd: 'pubrec', messageId: messageId! })
    } else if (qos === 1) {
      link.send({ cmd: 'puback', messageId: messageId! })
    }
  }
}
