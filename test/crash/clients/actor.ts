/** A client that reconnects whenever its connection breaks: shared by publishers and subscribers. */
import { setTimeout as delay } from 'node:timers/promises'
import type { DecodedPacket } from '../../../lib/codec/index.js'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import type { Random } from '../random.js'
import { connectPacket, Link } from './link.js'

/** Shared by the clients of a process. */
export interface World {
  readonly port: number
  /** While false, no message is published and no connection is dropped on purpose. */
  isRough: boolean
}

const RETRY_MS = 25

export abstract class Actor {
  readonly clientId: string
  protected readonly world: World
  protected readonly random: Random
  protected link: Link | undefined
  readonly #version: ProtocolVersion
  #isStopped = false
  #running: Promise<void> | undefined

  constructor(world: World, clientId: string, version: ProtocolVersion, random: Random) {
    this.world = world
    this.clientId = clientId
    this.random = random
    this.#version = version
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.link?.drop()
    await this.#running
  }

  /** Called with each connection; resolves when the client wants to drop it. */
  protected abstract connected(link: Link): Promise<void>

  /** Called with received packets; the first is CONNACK, before `connected`. */
  protected abstract received(packets: readonly DecodedPacket[], link: Link): void

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const link = await Link.open(this.world.port, connectPacket(this.clientId, this.#version), {
        received: (packets, from) => this.received(packets, from),
      })
      if (link === undefined) {
        await delay(RETRY_MS)
        continue
      }
      this.link = link
      await Promise.race([this.connected(link), link.closed])
      await link.drop()
      this.link = undefined
    }
  }
}
