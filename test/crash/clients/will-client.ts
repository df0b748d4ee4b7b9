/**
 * Leaves wills behind: one whose connection broke must be published, one whose client said goodbye must not.
 * Each has a number of its own.
 *
 * What became of the broker meanwhile decides how often a will may come: see `checkWills`. When it answers the next
 * connection of the same client, it is done with the will.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ConnectPacket, ProtocolVersion, Will } from '../../../types/message/packets.js'
import type { Random } from '../random.js'
import type { World } from './actor.js'
import { connectPacket, Link } from './link.js'

const RETRY_MS = 25
const MAX_STAY_MS = 200
/** As often it is tried to find out what became of a will. */
const MAX_TRIES = 400

/** A will, and how its client left. */
export interface WillEnd {
  readonly number: number
  /** When the client connected, and when its next connection was answered, by the monotonic clock. */
  readonly from: number
  readonly to: number
  /** Whether its connection broke, it said goodbye for certain, or the broker may not have read that. */
  readonly end: 'broken' | 'goodbye' | 'unknown'
}

export class WillClient {
  readonly ends: WillEnd[] = []
  readonly topic: string
  readonly #world: World
  readonly #packet: ConnectPacket
  readonly #random: Random
  #isStopped = false
  #running: Promise<void> | undefined
  #link: Link | undefined

  constructor(world: World, clientId: string, version: ProtocolVersion, random: Random) {
    this.#world = world
    const session = version === 5 && { properties: { sessionExpiryInterval: 0 } }
    this.#packet = { ...connectPacket(clientId, version), clean: true, ...session }
    this.topic = `wills/${clientId}`
    this.#random = random
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#link?.drop()
    await this.#running
  }

  async #run(): Promise<void> {
    for (let number = 1; !this.#isStopped; number++) {
      const from = performance.now()
      const link = await this.#connect({ topic: this.topic, payload: Buffer.from(`${number}`), qos: 2, retain: false })
      if (link === undefined) continue
      this.#link = link
      await Promise.race([link.closed, delay(this.#random.between(1, MAX_STAY_MS))])
      const saysGoodbye = !this.#isStopped && this.#random.chance(0.5)
      const isGoodbye = saysGoodbye ? await link.disconnect() : false
      if (!saysGoodbye) await link.drop()
      await this.#conclude({ number, from, end: !saysGoodbye ? 'broken' : isGoodbye ? 'goodbye' : 'unknown' })
    }
  }

  async #conclude(ended: Omit<WillEnd, 'to'>): Promise<void> {
    const link = await this.#connectAgain()
    if (link === undefined) return
    this.ends.push({ ...ended, to: performance.now() })
    await link.disconnect()
  }

  async #connectAgain(): Promise<Link | undefined> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const link = await this.#connect()
      if (link !== undefined) return link
    }
    return undefined
  }

  async #connect(will?: Will): Promise<Link | undefined> {
    const packet = { ...this.#packet, ...(will && { will }) }
    const link = await Link.open(this.#world.port, packet, { received: () => {} })
    if (link === undefined) await delay(RETRY_MS)
    return link
  }
}
