/**
 * Leaves wills behind: one whose connection broke must be published, one whose client said goodbye must not.
 * Each has a number of its own.
 *
 * A broker that is killed between publishing a will and noting that publishes it again. So one copy more is allowed for
 * each time it was killed, or lost its lease, before it answered the next connection of the same client; by then it is done
 * with the will.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ConnectPacket, ProtocolVersion, Will } from '../../types/packets.js'
import type { World } from './actor.js'
import { connectPacket, Link } from './link.js'
import type { Random } from './random.js'

const RETRY_MS = 25
const MAX_STAY_MS = 200
/** As often it is tried to find out what became of a will. */
const MAX_TRIES = 400

/** A will whose fate is known for certain. */
export interface Fate {
  number: number
  /** How many copies there must be at least, and at most. */
  least: number
  most: number
}

export class Mourner {
  readonly fates: Fate[] = []
  readonly topic: string
  readonly #world: World
  readonly #packet: ConnectPacket
  readonly #random: Random
  readonly #countKills: () => number
  #isStopped = false
  #running: Promise<void> | undefined
  #link: Link | undefined

  /** `countKills` tells how often the broker was killed. */
  constructor(world: World, clientId: string, version: ProtocolVersion, random: Random, countKills: () => number) {
    this.#world = world
    const session = version === 5 && { properties: { sessionExpiryInterval: 0 } }
    this.#packet = { ...connectPacket(clientId, version), clean: true, ...session }
    this.topic = `wills/${clientId}`
    this.#random = random
    this.#countKills = countKills
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
      const kills = this.#countKills()
      const link = await this.#connect({ topic: this.topic, payload: Buffer.from(`${number}`), qos: 2, retain: false })
      if (link === undefined) continue
      this.#link = link
      await Promise.race([link.closed, delay(this.#random.between(1, MAX_STAY_MS))])
      const saysGoodbye = !this.#isStopped && this.#random.chance(0.5)
      const isGoodbye = saysGoodbye ? await link.disconnect() : false
      if (!saysGoodbye) await link.drop()
      await this.#conclude(number, kills, saysGoodbye, isGoodbye)
    }
  }

  /** @param isGoodbye whether the broker has read DISCONNECT, unless it was killed */
  async #conclude(number: number, killsBefore: number, saidGoodbye: boolean, isGoodbye: boolean): Promise<void> {
    const link = await this.#connectAgain()
    if (link === undefined) return
    const kills = this.#countKills() - killsBefore
    if (!saidGoodbye) this.fates.push({ number, least: 1, most: 1 + kills })
    // Whether DISCONNECT arrived before the broker was killed, nobody knows.
    else if (isGoodbye && kills === 0) this.fates.push({ number, least: 0, most: 0 })
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
