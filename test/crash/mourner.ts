/**
 * Leaves wills behind: one whose connection broke must be published, one whose client said goodbye must not.
 * Each has a payload of its own.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { World } from './actor.js'
import { connectPacket, Link } from './link.js'
import { Random } from './random.js'

const RETRY_MS = 25
const MAX_STAY_MS = 200

export class Mourner {
  /** Payloads of wills that are due: their connection was established, and broke. */
  readonly due: string[] = []
  /** Payloads of wills that were taken away, for certain. */
  readonly withdrawn: string[] = []
  readonly topic: string
  readonly #world: World
  readonly #clientId: string
  readonly #random: Random
  #count = 0
  #isStopped = false
  #running: Promise<void> | undefined
  #link: Link | undefined

  constructor(world: World, number: number) {
    this.#world = world
    this.#clientId = `mourner-${number}`
    this.topic = `wills/${this.#clientId}`
    this.#random = new Random(world.seed, this.#clientId)
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
    while (!this.#isStopped) {
      const payload = `${++this.#count}`
      const link = await this.#connect(payload)
      if (link === undefined) continue
      this.#link = link
      let isOver = false
      link.closed.then(() => {
        isOver = true
      })
      await Promise.race([link.closed, delay(this.#random.between(1, MAX_STAY_MS))])
      if (!isOver && !this.#isStopped && this.#random.chance(0.5)) {
        await this.#sayGoodbye(link, payload)
      } else {
        link.drop()
        this.due.push(payload)
      }
    }
  }

  /** The next connection is answered when the one before has been dealt with. */
  async #sayGoodbye(link: Link, payload: string): Promise<void> {
    await link.disconnect()
    const packet = { ...connectPacket(this.#clientId, 4), clean: true }
    const confirmed = await Link.open(this.#world.port, packet, { packet: () => {} })
    if (confirmed !== undefined) this.withdrawn.push(payload)
    confirmed?.link.drop()
  }

  async #connect(payload: string): Promise<Link | undefined> {
    const will = { topic: this.topic, payload: Buffer.from(payload), qos: 1, retain: false } as const
    const packet = { ...connectPacket(this.#clientId, 4), clean: true, will }
    const opened = await Link.open(this.#world.port, packet, { packet: () => {} })
    if (opened === undefined) await delay(RETRY_MS)
    return opened?.link
  }
}
