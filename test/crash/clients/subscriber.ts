/**
 * A subscriber with a stored session that follows the standard: the packet ids of unreleased QoS 2 messages survive
 * every reconnect and restart, so that no message is accepted twice. Its journal has what it received.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { DecodedPacket } from '../../../lib/codec/index.js'
import { Journal } from '../checks/journal.js'
import { type SubscriberEntry, SubscriberState } from '../checks/subscriber-state.js'
import type { Random } from '../random.js'
import { Actor, type World } from './actor.js'
import type { SubscriberDescription } from './client-description.js'
import { isFilterRefused, type Link } from './link.js'

const MAX_STAY_MS = 400
const MAX_AWAY_MS = 150
/** The chances of dropping the connection after a while, and of staying disconnected for a while. */
const DROP_CHANCE = 0.3
const AWAY_CHANCE = 0.5

export class Subscriber extends Actor {
  /** Resolves when the subscription is acknowledged, since this start or an earlier one. */
  readonly subscribed: Promise<void>
  readonly #description: SubscriberDescription
  readonly #state = new SubscriberState()
  readonly #journal: Journal<SubscriberEntry>
  #noteSubscribed: () => void = () => {}

  constructor(world: World, description: SubscriberDescription, random: Random) {
    super(world, description.clientId, description.version, random)
    this.#description = description
    this.#journal = new Journal(description.journal, entry => this.#state.apply(entry))
    this.subscribed = new Promise(resolve => {
      this.#noteSubscribed = resolve
    })
    if (this.#state.isSubscribed) this.#noteSubscribed()
  }

  protected async connected(link: Link): Promise<void> {
    if (!this.#state.isSubscribed) this.#subscribe(link)
    do await delay(this.random.between(1, MAX_STAY_MS))
    while (this.link === link && !(this.#state.isSubscribed && this.world.isRough && this.random.chance(DROP_CHANCE)))
    link.drop()
    if (this.random.chance(AWAY_CHANCE)) await delay(this.random.between(1, MAX_AWAY_MS))
  }

  protected received(packets: readonly DecodedPacket[], link: Link): void {
    for (const packet of packets) this.#note(packet, link)
    this.#journal.flush()
    link.answer(packets)
    if (this.#state.isSubscribed) this.#noteSubscribed()
  }

  #subscribe(link: Link): void {
    const { filters, qos } = this.#description
    link.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters.map(topic => ({ topic, qos })) })
  }

  #note(packet: DecodedPacket, link: Link): void {
    switch (packet.cmd) {
      case 'connack':
        if (!packet.sessionPresent) this.#journal.note({ event: 'session' })
        break
      case 'suback':
        if (isFilterRefused(packet)) this.#subscribe(link)
        else this.#journal.note({ event: 'suback' })
        break
      case 'pubrel':
        this.#journal.note({ event: 'pubrel', messageId: packet.messageId })
        break
      case 'publish':
        this.#take(packet)
        break
    }
  }

  #take({ topic, payload, qos, messageId }: Extract<DecodedPacket, { cmd: 'publish' }>): void {
    if (qos === 2 && this.#state.isTaken(messageId!)) return
    this.#journal.note({ event: 'publish', topic, number: Number(payload), qos, messageId })
  }
}
