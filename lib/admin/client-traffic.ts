/**
 * The messages per second of connected clients, from the counters of their connections at two moments. Owns the
 * readings. The broker always counts, so this costs it nothing more.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Broker } from '../../types/broker/broker.js'
import type { Client } from '../../types/client/client.js'

/** Messages per second, between the last two moments. */
export interface ClientRates {
  /** Messages sent by the client. */
  receivedPerSecond: number
  /** Messages sent to the client. */
  sentPerSecond: number
}

/** The value by which clients are sorted, highest first. */
export type TrafficOrder = 'received' | 'sent' | 'drops'

/** The counters of a client at one moment. */
interface Reading {
  /** Monotonic milliseconds. */
  at: number
  received: number
  sent: number
  /** Rates since the previous reading; undefined for the first one. */
  rates: ClientRates | undefined
}

/** Older readings do not describe the present, and are dropped. */
const MAX_AGE_MS = 60_000

/** Clients read in one turn of the event loop. */
const STEP = 500

/** Readings dropped in one step. */
const FORGET_STEP = 5000

export class ClientTraffic {
  readonly #broker: Broker
  readonly #minMs: number
  readonly #now: () => number
  readonly #connected: Set<Client>
  /** Readings, oldest first. */
  readonly #readings = new Map<Client, Reading>()
  /** Time of the last reading of all clients. */
  #allReadAt = Number.NEGATIVE_INFINITY

  /** @param minMs minimum time between two readings of a client: a rate over a shorter time is not meaningful */
  constructor(broker: Broker, minMs: number, now = () => performance.now()) {
    this.#broker = broker
    this.#minMs = minMs
    this.#now = now
    this.#connected = new Set(Object.values(broker.clients))
    broker.on('client', this.#onClient)
    broker.on('clientDisconnect', this.#onDisconnect)
  }

  /** Rates since the last reading of this client; undefined if there was none within a minute. */
  ratesOf(client: Client): ClientRates | undefined {
    const at = this.#now()
    const last = this.#readings.get(client)
    if (last !== undefined && at - last.at < this.#minMs) return last.rates
    const { messages: received } = client.stats.received
    const { messages: sent } = client.stats.sent
    const isRecent = last !== undefined && at - last.at < MAX_AGE_MS
    const rates = isRecent ? ratesBetween(last, { at, received, sent }) : undefined
    // at the end of the map, as the newest
    this.#readings.delete(client)
    this.#readings.set(client, { at, received, sent, rates })
    return rates
  }

  /**
   * The clients with the highest values, without those whose value is 0. Reads all clients, some in each turn of the
   * event loop. The first request for rates waits until there are two readings.
   */
  async top(order: TrafficOrder, limit: number): Promise<Client[]> {
    if (order === 'drops') return this.#highest(({ stats }) => stats.drops, limit)
    const name = order === 'received' ? 'receivedPerSecond' : 'sentPerSecond'
    const rate = (client: Client) => this.ratesOf(client)?.[name]
    if (this.#now() - this.#allReadAt >= MAX_AGE_MS) {
      await this.#highest(rate, limit)
      await sleep(this.#minMs)
    }
    this.#allReadAt = this.#now()
    return this.#highest(rate, limit)
  }

  /** Forgets old readings. */
  forget(): void {
    const before = this.#now() - MAX_AGE_MS
    let left = FORGET_STEP
    for (const [client, { at }] of this.#readings) {
      if (at > before || left-- === 0) return
      this.#readings.delete(client)
    }
  }

  close(): void {
    this.#broker.off('client', this.#onClient)
    this.#broker.off('clientDisconnect', this.#onDisconnect)
    this.#connected.clear()
    this.#readings.clear()
  }

  /** Keeps only the highest so far: sorting a hundred thousand clients would block the event loop. */
  async #highest(read: (client: Client) => number | undefined, limit: number): Promise<Client[]> {
    const found: { client: Client; value: number }[] = []
    let left = STEP
    for (const client of this.#connected) {
      const value = read(client) ?? 0
      if (value > 0 && (found.length < limit || value > found.at(-1)!.value)) {
        const place = found.findIndex(other => other.value < value)
        found.splice(place === -1 ? found.length : place, 0, { client, value })
        if (found.length > limit) found.pop()
      }
      if (--left > 0) continue
      left = STEP
      await nextTurn()
    }
    return found.map(({ client }) => client)
  }

  /** Reads a new client, unless another listener of the same event has disconnected it. */
  readonly #onClient = (client: Client): void => {
    if (this.#broker.clients[client.id] === client) this.#connected.add(client)
  }

  readonly #onDisconnect = (client: Client): void => {
    this.#connected.delete(client)
    this.#readings.delete(client)
  }
}

function ratesBetween(last: Reading, now: Omit<Reading, 'rates'>): ClientRates {
  const seconds = (now.at - last.at) / 1000
  const perSecond = (name: 'received' | 'sent') => Math.round(((now[name] - last[name]) / seconds) * 100) / 100
  return { receivedPerSecond: perSecond('received'), sentPerSecond: perSecond('sent') }
}
