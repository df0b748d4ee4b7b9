/**
 * Publishes the broker's numbers below `$SYS/broker/`, with the names, meanings and units of Mosquitto. Owns the set of
 * topics, and that a topic is published only if its value has changed. In a cluster the values of a node expire some
 * intervals after it has gone, so it repeats those that have not changed.
 */
import v8 from 'node:v8'
import type { BrokerStats, FlowStats } from '../../../types/broker/inspection.js'
import { messageOfInput, startExpiry } from '../../model/message.js'
import { Timer } from '../../util/scheduling/timers.js'
import type { OwnMessages } from '../publish/own-messages.js'
import { LoadAverages } from './load-averages.js'
import { type CountedParts, type Start, startAt, statsOf } from './stats.js'

/** The broker as this part sees it. */
export interface SystemTopicsParts extends CountedParts {
  readonly own: OwnMessages
  readonly options: { readonly id: string }
}

/** In a cluster: intervals until a value expires, and until it is repeated. */
const EXPIRES_AFTER = 6
const REPEATED_AFTER = 3

/** A published value. */
interface Published {
  readonly value: string
  /** By the monotonic clock. */
  readonly at: number
}

export class SystemTopics {
  readonly #parts: SystemTopicsParts
  readonly #intervalMs: number
  readonly #published = new Map<string, Published>()
  readonly #averages = new LoadAverages()
  readonly #timer = new Timer(() => this.#publishAll())
  readonly #start: Start
  #lastAt: number
  #largestHeap = 0

  /** @param intervalMs time between two updates */
  constructor(parts: SystemTopicsParts, intervalMs: number) {
    this.#parts = parts
    this.#intervalMs = intervalMs
    this.#start = startAt(parts.timers)
    this.#lastAt = parts.timers.now()
  }

  start(): void {
    this.#publishAll()
  }

  /**
   * Stops publishing, and deletes the published topics, which would be outdated. In a cluster they expire instead, as
   * after a crash. Rejects if the store fails.
   */
  async stop(): Promise<void> {
    this.#parts.timers.cancel(this.#timer)
    if (this.#parts.cluster !== undefined) return
    for (const topic of this.#published.keys()) await this.#parts.store.storeRetained(message(topic, ''))
  }

  #publishAll(): void {
    const { timers, cluster, options } = this.#parts
    timers.schedule(this.#timer, this.#intervalMs)
    const now = timers.now()
    const stats = statsOf(this.#parts, { isOpen: true, start: this.#start })
    const averages = this.#averages.update(countersOf(stats), now - this.#lastAt)
    this.#lastAt = now
    // the nodes of a cluster share the retained messages
    const root = cluster === undefined ? '$SYS/broker' : `$SYS/brokers/${options.id}`
    for (const [name, value] of Object.entries(valuesOf(stats, this.#heap()))) {
      if (value !== undefined) this.#publish(`${root}/${name}`, String(value))
    }
    for (const [name, rate] of averages) this.#publish(`${root}/load/${name}`, rate.toFixed(2))
  }

  #heap(): { current: number; maximum: number } {
    const { used_heap_size: current } = v8.getHeapStatistics()
    this.#largestHeap = Math.max(this.#largestHeap, current)
    return { current, maximum: this.#largestHeap }
  }

  async #publish(topic: string, value: string): Promise<void> {
    const { timers, cluster, own } = this.#parts
    const isClustered = cluster !== undefined
    const before = this.#published.get(topic)
    const at = timers.now()
    const mustRepeat = isClustered && before !== undefined && at - before.at >= REPEATED_AFTER * this.#intervalMs
    if (before?.value === value && !mustRepeat) return
    this.#published.set(topic, { value, at })
    const expirySeconds = isClustered ? Math.ceil((EXPIRES_AFTER * this.#intervalMs) / 1000) : undefined
    const published = message(topic, value, expirySeconds)
    startExpiry(published, timers.wallTime())
    try {
      await own.publish(published)
    } catch {
      // other parts report a failing store; the next value is another attempt
      this.#published.delete(topic)
    }
  }
}

function message(topic: string, payload: string, messageExpiryInterval?: number) {
  const properties = messageExpiryInterval === undefined ? undefined : { properties: { messageExpiryInterval } }
  return messageOfInput({ topic, payload, retain: true, ...properties }, Number.POSITIVE_INFINITY)
}

function sumOf(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one + other
}

function valuesOf(stats: BrokerStats, heap: { current: number; maximum: number }) {
  const { connections, clients, sessions, subscriptions, queued, retained, received, sent, uptimeMs } = stats
  const stored = sumOf(queued.messages, retained.messages)
  return {
    uptime: `${Math.floor(uptimeMs / 1000)} seconds`,
    'clients/total': sessions.total,
    'clients/maximum': clients.maximum,
    'clients/connected': clients.connected,
    'clients/active': clients.connected,
    'clients/disconnected': sessions.away,
    'clients/inactive': sessions.away,
    'clients/expired': sessions.ended.expired,
    'connections/socket/count': connections.total,
    'messages/received': packetsOf(received),
    'messages/sent': packetsOf(sent),
    'messages/stored': stored,
    'store/messages/count': stored,
    'store/messages/bytes': sumOf(queued.bytes, retained.bytes),
    'retained messages/count': retained.messages,
    'subscriptions/count': subscriptions.total,
    'shared_subscriptions/count': subscriptions.shared,
    'publish/messages/received': received.packets.publish,
    'publish/messages/sent': sent.packets.publish,
    'publish/messages/dropped': dropsOf(stats),
    'publish/bytes/received': received.payloadBytes,
    'publish/bytes/sent': sent.payloadBytes,
    'bytes/received': received.bytes,
    'bytes/sent': sent.bytes,
    'heap/current': heap.current,
    'heap/maximum': heap.maximum,
  }
}

/** The counters whose averages are below `load/`. */
function countersOf(stats: BrokerStats) {
  const { received, sent, connections } = stats
  return {
    'messages/received': packetsOf(received),
    'messages/sent': packetsOf(sent),
    'publish/received': received.packets.publish,
    'publish/sent': sent.packets.publish,
    'publish/dropped': dropsOf(stats),
    'bytes/received': received.bytes,
    'bytes/sent': sent.bytes,
    sockets: connections.total,
    connections: received.packets.connect,
  }
}

function packetsOf({ packets }: FlowStats): number {
  return Object.values(packets).reduce((sum, count) => sum + count, 0)
}

function dropsOf({ drops }: BrokerStats): number {
  return Object.values(drops).reduce((sum, count) => sum + count, 0)
}
