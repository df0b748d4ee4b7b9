/**
 * A publisher that follows the standard: after a reconnect it retransmits unacknowledged packets in order, with DUP,
 * and sends PUBREL for those that were received. Its journal has what it needs for that.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { DecodedPacket } from '../../../lib/codec/index.js'
import type { Packet } from '../../../types/message/packets.js'
import { Journal } from '../checks/journal.js'
import { type PublisherEntry, PublisherState, type Sent } from '../checks/publisher-state.js'
import type { Random } from '../random.js'
import { Actor, type World } from './actor.js'
import type { ClientDescription } from './client-description.js'
import { isRefused, type Link } from './link.js'

const TOPICS = 3
/** So many that most are unfinished when the broker is killed. */
const RETAINED_TOPICS = 20
const RETAINED_CHANCE = 0.25
const MAX_IN_FLIGHT = 30
const MAX_BURST = 6
const MAX_PAUSE_MS = 20
/** The chance of dropping the connection after a burst. */
const DROP_CHANCE = 0.005

export class Publisher extends Actor {
  readonly #state = new PublisherState()
  readonly #journal: Journal<PublisherEntry>

  constructor(world: World, { clientId, version, journal }: ClientDescription, random: Random) {
    super(world, clientId, version, random)
    this.#journal = new Journal(journal, entry => this.#state.apply(entry))
  }

  protected async connected(link: Link): Promise<void> {
    for (const sent of this.#state.inFlight.values()) link.send(packetFor(sent, 'again'))
    while (this.link === link) {
      if (this.world.isRough) this.#burst(link)
      if (this.world.isRough && this.random.chance(DROP_CHANCE)) return
      await delay(this.random.between(1, MAX_PAUSE_MS))
    }
  }

  protected received(packets: readonly DecodedPacket[], link: Link): void {
    for (const packet of packets) this.#note(packet)
    this.#journal.flush()
    link.answer(packets)
  }

  #note(packet: DecodedPacket): void {
    switch (packet.cmd) {
      case 'connack':
        if (!packet.sessionPresent) this.#journal.note({ event: 'session' })
        break
      case 'puback':
      case 'pubrec':
        this.#journal.note({ event: isRefused(packet) ? 'refused' : packet.cmd, messageId: packet.messageId })
        break
      case 'pubcomp':
        this.#journal.note({ event: packet.cmd, messageId: packet.messageId })
        break
    }
  }

  #burst(link: Link): void {
    const packets: Packet[] = []
    for (let left = this.random.between(0, MAX_BURST); left > 0; left--) {
      if (this.#state.inFlight.size >= MAX_IN_FLIGHT) break
      const messageId = this.#state.nextPacketId()
      this.#journal.note({ event: 'publish', messageId, ...this.#nextMessage() })
      packets.push(packetFor(this.#state.inFlight.get(messageId)!, 'first'))
    }
    this.#journal.flush()
    link.send(...packets)
  }

  #nextMessage(): { topic: string; number: number; qos: 1 | 2 } {
    const isRetained = this.random.chance(RETAINED_CHANCE)
    const index = this.random.between(1, isRetained ? RETAINED_TOPICS : TOPICS)
    const topic = `${isRetained ? 'retained' : 'p'}/${this.clientId}/${index}`
    const number = (this.#state.published.get(topic) ?? 0) + 1
    return { topic, number, qos: index % 2 === 0 ? 1 : 2 }
  }
}

/** The packet to send for an unfinished message. */
function packetFor({ messageId, topic, number, qos, isReceived }: Sent, time: 'first' | 'again'): Packet {
  if (isReceived) return { cmd: 'pubrel', messageId }
  const retain = topic.startsWith('retained/')
  return { cmd: 'publish', topic, payload: Buffer.from(`${number}`), qos, retain, dup: time === 'again', messageId }
}
