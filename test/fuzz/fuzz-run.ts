/**
 * Clients that send anything, to a broker with a healthy pair of clients. Owns the checks: nothing throws, the pair
 * gets all its messages, each connection ends with a known error, and nothing is left.
 */
import type { Duplex } from 'node:stream'
import { duplexPair } from '../../lib/client/duplex-pair.js'
import { type Broker, type Client, createBroker, ERRORS } from '../../lib/index.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import { Random } from '../crash/random.js'
import { SpecClient } from '../support/clients/spec-client.js'
import { Inputs, type Kind } from './inputs.js'

/** Connections that are open at the same time. */
const CONNECTIONS = 20

/** Rounds after which new packets are generated, and sessions have expired. */
const ROUNDS_TO_CLEAR = 25

export interface FuzzReport {
  rounds: number
  inputs: Record<Kind, number>
  bytes: number
  /** Connections that the broker refused or ended, by error code. */
  codes: Record<string, number>
}

/** The result of one connection. */
interface Watched {
  client: Client
  stream: Duplex
  endedByUs: boolean
  /** Why the broker ended it. */
  reason: string | undefined
}

export class FuzzRun {
  readonly report: FuzzReport = { rounds: 0, inputs: { bytes: 0, mutation: 0, grammar: 0 }, bytes: 0, codes: {} }
  /** Faults; a run ends with the first round that has any. */
  readonly faults: string[] = []
  readonly #clock = new FakeClock()
  readonly #random: Random
  readonly #inputs: Inputs
  readonly #watched = new Map<Client, Watched>()
  readonly #onFault = (error: unknown) => void this.faults.push(`the process: ${textOf(error)}`)
  #broker!: Broker
  #canary!: { subscriber: SpecClient; publisher: SpecClient }
  #sent = 0

  constructor(seed: number) {
    this.#random = new Random(seed, 'fuzz')
    this.#inputs = new Inputs(this.#random)
  }

  async start(): Promise<void> {
    process.on('uncaughtException', this.#onFault)
    process.on('unhandledRejection', this.#onFault)
    // low limits, so that they are reached
    this.#broker = await createBroker({
      clock: this.#clock,
      maxSessionExpiry: 5,
      defaultSessionExpiry: 5,
      maxQueuedMessages: 20,
      maxBurstMessages: 20,
      maxRetainedMessages: 50,
      maxRetainedExpiry: 5,
      maxSubscriptions: 20,
      maxPacketSize: 64 * 1024,
      connectTimeout: 2000,
      flapping: { takeovers: 1000 },
      rates: { client: { messagesPerSecond: 1000 } },
    })
    const broker = this.#broker
    broker.on('connectionError', (client, { code }) => this.#ended(client, code))
    broker.on('clientError', (client, { code }) => this.#ended(client, code))
    broker.on('clientDisconnect', (client, { reason, code }) => this.#ended(client, code ?? reason))
    broker.on('hookError', error => this.faults.push(`hookError: ${textOf(error)}`))
    broker.on('storeError', error => this.faults.push(`storeError: ${textOf(error)}`))
    const subscriber = new SpecClient(broker, 5)
    await subscriber.connect({ clientId: 'canary-in' })
    await subscriber.subscribe({ topic: 'canary', qos: 2 })
    const publisher = new SpecClient(broker, 5)
    await publisher.connect({ clientId: 'canary-out' })
    this.#canary = { subscriber, publisher }
  }

  /**
   * One round: some clients, then the canary.
   * @returns whether there was no fault
   */
  async round(): Promise<boolean> {
    this.report.rounds++
    const watched = Array.from({ length: CONNECTIONS }, () => this.#connect())
    await this.#clock.advance(100)
    for (const each of watched) {
      if (this.#random.chance(0.3)) continue
      each.endedByUs = true
      if (this.#random.chance(0.5)) each.stream.end()
      else each.stream.destroy()
    }
    await this.#checkCanary()
    await this.#clock.advance(4000)
    for (const each of watched) {
      each.endedByUs = true
      each.stream.destroy()
    }
    await this.#clock.advance(1000)
    this.#checkEnds()
    if (this.report.rounds % ROUNDS_TO_CLEAR === 0) await this.#checkCleared()
    return this.faults.length === 0
  }

  async end(): Promise<void> {
    await this.#checkCleared()
    const closing = this.#broker.close()
    await this.#clock.advance(60_000)
    await closing
    if (this.#clock.pendingTimers > 0) this.faults.push(`timers that are set: ${this.#clock.pendingTimers}`)
    process.off('uncaughtException', this.#onFault)
    process.off('unhandledRejection', this.#onFault)
  }

  #connect(): Watched {
    const { kind, bytes } = this.#inputs.next()
    const [near, far] = duplexPair()
    const client = this.#broker.handle(far, undefined, { address: `10.0.0.${this.#random.between(1, 3)}` })
    const watched: Watched = { client, stream: near, endedByUs: false, reason: undefined }
    this.#watched.set(client, watched)
    near.on('error', () => {})
    // one that never reads fills up
    if (this.#random.chance(0.9)) near.resume()
    this.report.inputs[kind]++
    this.report.bytes += bytes.length
    for (let at = 0; at < bytes.length; ) {
      const length = this.#random.chance(0.5) ? bytes.length : this.#random.between(1, 10)
      near.write(bytes.subarray(at, at + length))
      at += length
    }
    return watched
  }

  #ended(client: Client, code: string): void {
    const watched = this.#watched.get(client)
    if (watched === undefined || watched.reason !== undefined) return
    watched.reason = code
    this.report.codes[code] = (this.report.codes[code] ?? 0) + 1
    if (code.startsWith('ANAX_') && !Object.hasOwn(ERRORS, code)) this.faults.push(`unknown code ${code}`)
  }

  #checkEnds(): void {
    for (const { client, endedByUs, reason } of this.#watched.values()) {
      if (!client.closed) this.faults.push(`a connection is still there: ${client.id}`)
      else if (reason === undefined && !endedByUs) this.faults.push(`a connection ended without a reason: ${client.id}`)
    }
    this.#watched.clear()
  }

  async #checkCanary(): Promise<void> {
    const { subscriber, publisher } = this.#canary
    const text = String(this.#sent++)
    try {
      publisher.send({
        cmd: 'publish',
        topic: 'canary',
        payload: text,
        qos: 1,
        messageId: 1,
        retain: false,
        dup: false,
      })
      await publisher.expect('puback')
      const { payload, messageId } = await subscriber.expect('publish')
      subscriber.send({ cmd: 'puback', messageId: messageId! })
      if (String(payload) !== text) this.faults.push(`the canary got ${payload}, not ${text}`)
    } catch (error) {
      this.faults.push(`the canary: ${textOf(error)}`)
    }
  }

  /** Sessions and retained messages have expired: the broker must be empty. */
  async #checkCleared(): Promise<void> {
    this.#inputs.refill()
    await this.#clock.advance(200_000)
    await this.#broker.deleteRetained('#')
    const { connections, sessions, subscriptions, queued, waiting, inflight, retained } = this.#broker.stats()
    const left = {
      connections: connections.open - 2,
      sessions: sessions.total - 2,
      subscriptions: (subscriptions.total ?? 0) - 1,
      groups: subscriptions.sharedGroups,
      queued: queued.messages ?? 0,
      waiting: waiting.messages,
      inflight,
      retained: retained.messages,
    }
    for (const [name, count] of Object.entries(left)) if (count !== 0) this.faults.push(`left behind: ${count} ${name}`)
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
