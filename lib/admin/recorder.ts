/**
 * Records data for the page: samples of the numbers, and the clients that lost messages recently. Reads the broker's
 * events; must not know requests.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Broker } from '../../types/broker/broker.js'
import type { DropReason } from '../../types/broker/events.js'
import type { BrokerStats } from '../../types/broker/inspection.js'

/** The numbers at one point in time. */
export interface Sample {
  /** Milliseconds since the epoch. */
  at: number
  /** Messages sent by clients, per second since the previous sample. */
  receivedPerSecond: number
  /** Messages sent to clients, per second since the previous sample. */
  sentPerSecond: number
  /** Dropped messages per second since the previous sample. */
  dropsPerSecond: number
  connected: number
  sessions: number
  /** Undefined if the store does not provide it. */
  queued: number | undefined
  retained: number | undefined
  /** Delay of the event loop, 99th percentile since the previous sample, in milliseconds. */
  loopDelayMs: number
  /** Resident memory of the process. */
  memoryBytes: number
}

/** A client that lost messages since the administration was created. */
export interface Dropping {
  clientId: string
  drops: number
  lastAt: number
  byReason: Partial<Record<DropReason, number>>
}

/** Maximum number of remembered clients; the one whose last loss is oldest is dropped first. */
const MAX_CLIENTS = 1000

export class Recorder {
  readonly #broker: Broker
  readonly #most: number
  readonly #samples: Sample[] = []
  /** Ordered by the latest loss, newest last. */
  readonly #dropping = new Map<string, Dropping>()
  readonly #delay = monitorEventLoopDelay({ resolution: 20 })
  readonly #listeners = new Set<(sample: Sample) => void>()
  readonly #timer: NodeJS.Timeout
  #last: Totals

  constructor(broker: Broker, sampleMs: number, most: number) {
    this.#broker = broker
    this.#most = most
    this.#last = totals(broker.stats())
    broker.on('drop', this.#onDrop)
    this.#delay.enable()
    this.#timer = setInterval(() => this.take(), sampleMs).unref()
  }

  get samples(): readonly Sample[] {
    return this.#samples
  }

  /** Registers a listener for samples. @returns a function that removes it */
  watch(listener: (sample: Sample) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The clients with the latest losses first. */
  dropping(limit: number): Dropping[] {
    return [...this.#dropping.values()].reverse().slice(0, limit)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#delay.disable()
    this.#broker.off('drop', this.#onDrop)
    this.#listeners.clear()
  }

  /** Takes a sample. */
  take(): void {
    if (this.#broker.closed) return
    const sample = this.#sample()
    this.#samples.push(sample)
    if (this.#samples.length > this.#most) this.#samples.shift()
    for (const listener of this.#listeners) listener(sample)
  }

  #sample(): Sample {
    const stats = this.#broker.stats()
    const { clients, sessions, queued, retained } = stats
    const now = totals(stats)
    const seconds = Math.max(now.at - this.#last.at, 1) / 1000
    const perSecond = (name: 'received' | 'sent' | 'drops') => round((now[name] - this.#last[name]) / seconds)
    const delay = this.#delay.percentile(99) / 1e6
    const sample: Sample = {
      at: now.at,
      receivedPerSecond: perSecond('received'),
      sentPerSecond: perSecond('sent'),
      dropsPerSecond: perSecond('drops'),
      connected: clients.connected,
      sessions: sessions.total,
      queued: queued.messages,
      retained: retained.messages,
      // subtract the period of the measuring timer, which is not a delay
      loopDelayMs: Number.isFinite(delay) ? round(Math.max(delay - 20, 0)) : 0,
      memoryBytes: this.#memoryBytes(),
    }
    this.#last = now
    this.#delay.reset()
    return sample
  }

  /** Resident memory; the previous value if the process has no file descriptor left to read it. */
  #memoryBytes(): number {
    try {
      return process.memoryUsage.rss()
    } catch {
      return this.#samples.at(-1)?.memoryBytes ?? 0
    }
  }

  readonly #onDrop = ({ clientId, reason }: { clientId: string; reason: DropReason }): void => {
    const known = this.#dropping.get(clientId) ?? { clientId, drops: 0, lastAt: 0, byReason: {} }
    known.drops++
    known.lastAt = Date.now()
    known.byReason[reason] = (known.byReason[reason] ?? 0) + 1
    this.#dropping.delete(clientId)
    this.#dropping.set(clientId, known)
    if (this.#dropping.size > MAX_CLIENTS) this.#dropping.delete(this.#dropping.keys().next().value!)
  }
}

/** Counters at one moment. */
interface Totals {
  at: number
  received: number
  sent: number
  drops: number
}

/** Uses existing counters: a listener for each message would cost more than the message. */
function totals({ received, sent, drops }: BrokerStats): Totals {
  return {
    at: Date.now(),
    received: sum(received.messages),
    sent: sum(sent.messages),
    drops: sum(Object.values(drops)),
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
