/** One shard of an engine in memory: log, records, claims. Owns the sequence; must not know the nodes. */
import type { Clock } from '../../../../types/clock.js'
import type { ClusterNode, LogEntry } from '../../../../types/cluster.js'
import type { Message } from '../../../../types/message/message.js'

/** The owner of a client, if it has one. */
export interface MemoryClaim {
  readonly node: ClusterNode | undefined
  readonly token: number
  /** Whether the owner only takes care of the session, without a client. */
  readonly isCaretaker?: boolean
}

export class MemoryShard {
  readonly index: number
  readonly #logMs: number
  readonly #clock: Clock
  readonly #log: { readonly entry: LogEntry; readonly at: number }[] = []
  readonly claims = new Map<string, MemoryClaim>()
  readonly records: Map<string, Map<string, Uint8Array>> = new Map()
  readonly deadlines = new Map<string, number>()
  #sequence = 0

  /** @param logMs how long the log keeps a message */
  constructor(index: number, logMs: number, clock: Clock) {
    this.#clock = clock
    this.index = index
    this.#logMs = logMs
  }

  get end(): number {
    return this.#sequence
  }

  /** The current entries of the log. */
  get log(): LogEntry[] {
    const oldest = this.#clock.now() - this.#logMs
    const kept = this.#log.findIndex(({ at }) => at > oldest)
    this.#log.splice(0, kept === -1 ? this.#log.length : kept)
    return this.#log.map(({ entry }) => entry)
  }

  /** The next sequence; each write takes one. */
  next(): number {
    return ++this.#sequence
  }

  append(message: Message): LogEntry {
    const entry = { position: { shard: this.index, sequence: this.next() }, message: copyOf(message) }
    this.#log.push({ entry, at: this.#clock.now() })
    return entry
  }

  writeRecords(clientId: string, changed: Readonly<Record<string, Uint8Array | undefined>>): void {
    const records = this.records.get(clientId) ?? new Map<string, Uint8Array>()
    this.records.set(clientId, records)
    for (const [name, bytes] of Object.entries(changed)) {
      if (bytes === undefined) records.delete(name)
      else records.set(name, Buffer.from(bytes))
    }
    this.next()
  }
}

/** A copy of a message: the log outlives the writer, and each reader may change its copy. */
export function copyOf(message: Message): Message {
  const { topic, payload, qos, retain, clientId, properties, messageExpiry } = message
  return {
    cmd: 'publish',
    brokerId: '',
    brokerCounter: 0,
    topic,
    payload: Buffer.from(payload),
    qos,
    retain,
    dup: false,
    messageId: undefined,
    clientId,
    properties: properties && { ...properties },
    messageExpiry,
  }
}
