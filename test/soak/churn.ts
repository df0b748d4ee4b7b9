/**
 * Clients that do everything a client can do, at random: connect, disconnect, break off, take over, subscribe, publish,
 * leave sessions, retained messages and wills, overflow queues. Over TCP. Owns the clients; must not know what is
 * measured.
 */

import { openStream } from '../../lib/client/dial.js'
import { connect, type MqttConnection } from '../../lib/client/index.js'
import { AnaxError } from '../../lib/index.js'
import type { QoS } from '../../types/message/packets.js'
import type { Random } from '../crash/random.js'

/** The number of identifiers: few, so that clients take over each other's sessions. */
const CLIENT_IDS = 60

/** The approximate number of connected clients. */
const CLIENTS = 40

/** The number of messages that overflow a queue. */
const OVERFLOW = 150

const VERSIONS = [3, 4, 5] as const

export class Churn {
  readonly counts: Record<string, number> = {}
  readonly #url: string
  readonly #random: Random
  readonly #clients = new Set<MqttConnection>()
  /** Identifiers that have connected. */
  readonly used = new Set<string>()

  constructor(url: string, random: Random) {
    this.#url = url
    this.#random = random
  }

  /** Does one thing. It may fail: the broker may refuse it, or the client may be disconnected meanwhile. */
  async step(): Promise<void> {
    const [name, act] = this.#choose()
    this.counts[name] = (this.counts[name] ?? 0) + 1
    try {
      await act.call(this)
    } catch (error) {
      if (!(error instanceof AnaxError)) throw error
      this.counts[error.code] = (this.counts[error.code] ?? 0) + 1
    }
  }

  /** Disconnects all clients. */
  async end(): Promise<void> {
    await Promise.all([...this.#clients].map(client => client.disconnect()))
  }

  #choose(): [string, () => Promise<void>] {
    const { size } = this.#clients
    if (size === 0 || (size < CLIENTS && this.#random.chance(0.4))) return ['connect', this.#connect]
    const acts: [string, number, () => Promise<void>][] = [
      ['disconnect', 4, async () => void (await this.#pick().disconnect())],
      ['break off', 4, async () => this.#pick().destroy()],
      ['take over', 2, this.#takeOver],
      ['subscribe', 8, this.#subscribe],
      ['unsubscribe', 4, async () => void (await this.#pick().unsubscribe(this.#topic()))],
      ['publish', 40, this.#publish],
      ['overflow', 1, this.#overflow],
    ]
    let left = this.#random.between(
      1,
      acts.reduce((sum, [, weight]) => sum + weight, 0),
    )
    for (const [name, weight, act] of acts) {
      left -= weight
      if (left <= 0) return [name, act]
    }
    throw new Error('unreachable')
  }

  async #connect(): Promise<void> {
    await this.#open(`soak-${this.#random.between(1, CLIENT_IDS)}`)
  }

  async #takeOver(): Promise<void> {
    await this.#open(this.#pick().clientId)
  }

  async #open(clientId: string): Promise<void> {
    this.used.add(clientId)
    const protocolVersion = VERSIONS[this.#random.between(0, 2)]!
    const keeps = this.#random.chance(0.4)
    const client = await connect(await openStream(this.#url), {
      clientId,
      protocolVersion,
      clean: !keeps,
      ...(keeps && protocolVersion === 5 && { properties: { sessionExpiryInterval: 3600 } }),
      ...(this.#random.chance(0.3) && {
        will: { topic: this.#topic(), payload: 'will', qos: this.#qos(), retain: this.#random.chance(0.2) },
      }),
    })
    this.#clients.add(client)
    void client.ended.then(() => this.#clients.delete(client))
  }

  async #subscribe(): Promise<void> {
    const topic = this.#topic()
    const filters = [topic, 'soak/#', 'soak/+', `$share/group${this.#random.between(1, 3)}/${topic}`]
    const filter = filters[this.#random.between(0, filters.length - 1)]!
    await this.#pick().subscribe(filter, { qos: this.#qos() }, () => {})
  }

  async #publish(): Promise<void> {
    const retain = this.#random.chance(0.2)
    const payload = retain && this.#random.chance(0.3) ? '' : 'x'.repeat(this.#random.between(1, 2000))
    await this.#pick().publish(this.#topic(), payload, { qos: this.#qos(), retain })
  }

  /** More messages than a queue holds, for disconnected clients. */
  async #overflow(): Promise<void> {
    const client = this.#pick()
    const topic = this.#topic()
    await Promise.all(Array.from({ length: OVERFLOW }, () => client.publish(topic, 'overflow', { qos: 1 })))
  }

  #pick(): MqttConnection {
    return [...this.#clients][this.#random.between(0, this.#clients.size - 1)]!
  }

  #topic(): string {
    return `soak/${this.#random.between(1, 40)}`
  }

  #qos(): QoS {
    return this.#random.between(0, 2) as QoS
  }
}
