/**
 * Messages of other brokers for the queues of a store that has only the contract of `aedes-persistence`. A store that
 * brokers share already has them, and the contract would add them again; and it has no way to look up one message.
 * So the queues are read first, once for all waiting messages. Owns their order, and which brokers share the store.
 */
import type { Message } from '../../../types/message/message.js'
import type { MessageRef, QueueDelivery, QueuedMessage } from '../../../types/persistence.js'
import { refKey } from '../../model/message.js'

interface Addition {
  message: Message
  deliveries: readonly QueueDelivery[]
  resolve(): void
  reject(error: unknown): void
}

/** The part of a queue that the store returns. */
export interface ShownQueue {
  readonly entries: readonly QueuedMessage[]
  /** Whether the store may have more entries than it returns at a time. */
  readonly mayHaveMore: boolean
}

export interface ForeignParts {
  read(clientId: string): Promise<ShownQueue>
  /** Adds a message to queues; called in the order of arrival. */
  append(message: Message, deliveries: readonly QueueDelivery[]): Promise<void>
  /** Called when a queue turns out to have a message that another broker added. */
  present(clientId: string, ref: MessageRef): void
}

export class ForeignAdditions {
  readonly #parts: ForeignParts
  #waiting: Addition[] = []
  #running: Promise<void> | undefined
  /** Messages that were sent to clients in the meantime: the queues had them. */
  readonly #sent = new Set<string>()
  /** Brokers that have been seen adding to the queues, so they share the store. */
  readonly #sharing = new Set<string>()

  constructor(parts: ForeignParts) {
    this.#parts = parts
  }

  /** Whether no message waits. Later messages have to wait for earlier ones. */
  get isIdle(): boolean {
    return this.#running === undefined
  }

  /** Resolves when no message waits. */
  async idle(): Promise<void> {
    await this.#running
  }

  /** Adds a message to the queues that do not have it. */
  add(message: Message, deliveries: readonly QueueDelivery[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, deliveries, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Records that a message from its queue was sent to a client. */
  noteSent(clientId: string, ref: MessageRef): void {
    if (!this.isIdle) this.#sent.add(keyOf(clientId, ref))
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#addAll(this.#waiting.splice(0))
    this.#running = undefined
    this.#sent.clear()
  }

  async #addAll(additions: Addition[]): Promise<void> {
    try {
      const queues = await this.#readFor(additions)
      await Promise.all(additions.map(addition => this.#addMissing(addition, queues)))
      for (const { resolve } of additions) resolve()
    } catch (error) {
      for (const { reject } of additions) reject(error)
    }
  }

  #addMissing({ message, deliveries }: Addition, queues: ReadonlyMap<string, KnownQueue>): Promise<void> | undefined {
    const missing: QueueDelivery[] = []
    for (const delivery of deliveries) {
      const { clientId } = delivery
      if (this.#sent.has(keyOf(clientId, message))) continue
      if (this.#isPresent(message, queues.get(clientId)!)) this.#parts.present(clientId, message)
      else missing.push(delivery)
    }
    return missing.length === 0 ? undefined : this.#parts.append(message, missing)
  }

  /**
   * A long queue may have the message beyond the entries that the store returns. It is assumed to have it if the broker
   * shares the store.
   */
  #isPresent(message: Message, { keys, mayHaveMore }: KnownQueue): boolean {
    if (keys.has(refKey(message))) {
      this.#sharing.add(message.brokerId)
      return true
    }
    return mayHaveMore && this.#sharing.has(message.brokerId)
  }

  /** Reads the queues that the additions are for. */
  async #readFor(additions: readonly Addition[]): Promise<Map<string, KnownQueue>> {
    const clients = new Set(additions.flatMap(({ deliveries }) => deliveries.map(({ clientId }) => clientId)))
    const queues = [...clients].map(async (clientId): Promise<[string, KnownQueue]> => {
      const { entries, mayHaveMore } = await this.#parts.read(clientId)
      return [clientId, { keys: new Set(entries.map(({ ref }) => refKey(ref))), mayHaveMore }]
    })
    return new Map(await Promise.all(queues))
  }
}

/** The messages that were found in a queue, and whether it may have more. */
interface KnownQueue {
  readonly keys: ReadonlySet<string>
  readonly mayHaveMore: boolean
}

function keyOf(clientId: string, ref: MessageRef): string {
  return `${refKey(ref)} ${clientId}`
}
