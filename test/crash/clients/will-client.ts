/**
 * Connects with wills: one must be published if the connection breaks, and must not after DISCONNECT. Each will has a
 * number.
 * How often a will may arrive depends on the kills of the broker meanwhile: see `checkWills`. When the broker answers
 * the client's next connection, it is done with the will.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ConnectPacket, ProtocolVersion, Will } from '../../../types/message/packets.js'
import type { Random } from '../random.js'
import type { World } from './actor.js'
import { connectPacket, Link } from './link.js'

const RETRY_MS = 25
const MAX_STAY_MS = 200
/** Attempts to reconnect after a will. */
const MAX_TRIES = 400

/** A will, and how the connection of its client ended. */
export interface WillEnd {
  readonly number: number
  /** When the client connected, and when its next connection was answered, by the monotonic clock. */
  readonly from: number
  readonly to: number
  /** The connection broke, the broker certainly read DISCONNECT, or it is unknown whether it did. */
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
