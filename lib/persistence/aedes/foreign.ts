/**
 * Messages of other brokers for the queues of a store that has only the contract of `aedes-persistence`. A store that
 * brokers share already has them, and the contract would add them again; and it has no way to look up one message.
 * So the queues are read first, once for all waiting messages. Owns their order.
 */
import type { Message } from '../../../types/message.js'
import type { MessageRef, QueueDelivery, QueuedMessage } from '../../../types/persistence.js'
import { refKey } from '../../model/message.js'

interface Addition {
  message: Message
  deliveries: readonly QueueDelivery[]
  resolve(): void
  reject(error: unknown): void
}

export class ForeignAdditions {
  readonly #read: (clientId: string) => Promise<QueuedMessage[]>
  readonly #append: (message: Message, deliveries: readonly QueueDelivery[]) => Promise<void>
  #waiting: Addition[] = []
  #running = false
  /** Messages that were sent to clients in the meantime: the queues had them. */
  readonly #sent = new Set<string>()

  /**
   * @param read reads a client's queue
   * @param append adds a message to queues; called in the order of arrival
   */
  constructor(
    read: (clientId: string) => Promise<QueuedMessage[]>,
    append: (message: Message, deliveries: readonly QueueDelivery[]) => Promise<void>,
  ) {
    this.#read = read
    this.#append = append
  }

  /** Whether no message waits. Later messages have to wait for earlier ones. */
  get isIdle(): boolean {
    return !this.#running
  }

  /** Adds a message to the queues that do not have it. */
  add(message: Message, deliveries: readonly QueueDelivery[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, deliveries, resolve, reject })
      if (!this.#running) this.#run()
    })
  }

  /** Records that a message from its queue was sent to a client. */
  noteSent(clientId: string, ref: MessageRef): void {
    if (this.#running) this.#sent.add(keyOf(clientId, ref))
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#waiting.length > 0) await this.#addAll(this.#waiting.splice(0))
    this.#running = false
    this.#sent.clear()
  }

  async #addAll(additions: Addition[]): Promise<void> {
    try {
      const present = await this.#present(additions)
      const isMissing = (key: string) => !present.has(key) && !this.#sent.has(key)
      const appended = additions.map(({ message, deliveries }) => {
        const missing = deliveries.filter(({ clientId }) => isMissing(keyOf(clientId, message)))
        return missing.length === 0 ? undefined : this.#append(message, missing)
      })
      await Promise.all(appended)
      for (const { resolve } of additions) resolve()
    } catch (error) {
      for (const { reject } of additions) reject(error)
    }
  }

  /** Reads the queues that the additions are for. */
  async #present(additions: readonly Addition[]): Promise<Set<string>> {
    const clients = new Set(additions.flatMap(({ deliveries }) => deliveries.map(({ clientId }) => clientId)))
    const queues = [...clients].map(async clientId =>
      (await this.#read(clientId)).map(({ ref }) => keyOf(clientId, ref)),
    )
    return new Set((await Promise.all(queues)).flat())
  }
}

function keyOf(clientId: string, ref: MessageRef): string {
  return `${refKey(ref)} ${clientId}`
}
