/** A client that comes back whenever its connection breaks: what publishers and subscribers share. */
import { setTimeout as delay } from 'node:timers/promises'
import type { DecodedPacket } from '../../lib/codec/index.js'
import type { ConnectPacket, ProtocolVersion } from '../../types/packets.js'
import { connectPacket, Link } from './link.js'
import { Random } from './random.js'

/** What all actors of a run share. */
export interface World {
  port: number
  seed: number
  /** What the broker understands at best; the other half of the actors speaks 3.1.1. */
  newestVersion: ProtocolVersion
  /** While false, nothing new is begun and no connection is dropped on purpose. */
  isRough: boolean
  /** What must not have happened, in words. */
  readonly faults: string[]
}

const RETRY_MS = 25

export abstract class Actor {
  readonly clientId: string
  protected readonly world: World
  protected readonly random: Random
  protected readonly version: ProtocolVersion
  protected link: Link | undefined
  #isStopped = false
  #hadSession = false
  #running: Promise<void> | undefined

  constructor(world: World, clientId: string, version: ProtocolVersion) {
    this.world = world
    this.clientId = clientId
    this.version = version
    this.random = new Random(world.seed, clientId)
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.link?.drop()
    await this.#running
  }

  protected connectPacket(): ConnectPacket {
    return connectPacket(this.clientId, this.version)
  }

  /** The connection is there; resolves when this actor has had enough of it. */
  protected abstract connected(link: Link): Promise<void>

  /** A packet came: perhaps in one piece with CONNACK, before `connected`. */
  protected abstract received(packet: DecodedPacket, link: Link): void

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const opened = await Link.open(this.world.port, this.connectPacket(), {
        packet: (packet, from) => this.received(packet, from),
      })
      if (opened === undefined) {
        await delay(RETRY_MS)
        continue
      }
      const { link, connack } = opened
      if (this.#hadSession && !connack.sessionPresent) this.world.faults.push(`${this.clientId} lost its session`)
      this.#hadSession = true
      this.link = link
      await Promise.race([this.connected(link), link.closed])
      link.drop()
      await link.closed
      this.link = undefined
    }
  }
}
