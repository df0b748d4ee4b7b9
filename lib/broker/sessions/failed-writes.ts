/**
 * Writes for disconnected clients that the store failed to do; they are retried until they succeed. Owns the list of
 * failed writes; must not know what they write, nor when they are retried.
 */
import type { MaybePromise } from '../../../types/persistence.js'

/** A write that may be done more than once, and in any order with the others. */
export type Write = () => MaybePromise<void>

export class FailedWrites {
  readonly #byClient = new Map<string, Write[]>()
  readonly #added: () => void

  /** @param added called for each write that fails for the first time */
  constructor(added: () => void) {
    this.#added = added
  }

  get isEmpty(): boolean {
    return this.#byClient.size === 0
  }

  /** The clients with failed writes. */
  get clients(): string[] {
    return [...this.#byClient.keys()]
  }

  has(clientId: string): boolean {
    return this.#byClient.has(clientId)
  }

  /** Performs a write. If it fails, rejects and keeps the write for a retry. */
  async attempt(clientId: string, write: Write): Promise<void> {
    try {
      await write()
    } catch (error) {
      this.#byClient.set(clientId, [...(this.#byClient.get(clientId) ?? []), write])
      this.#added()
      throw error
    }
  }

  /** Retries all writes of a client, even if some of them fail. Rejects with the first failure. */
  async retry(clientId: string): Promise<void> {
    const left: Write[] = []
    const failures: unknown[] = []
    for (const write of this.#byClient.get(clientId) ?? []) {
      try {
        await write()
      } catch (error) {
        left.push(write)
        failures.push(error)
      }
    }
    if (left.length === 0) this.#byClient.delete(clientId)
    else this.#byClient.set(clientId, left)
    if (failures.length > 0) throw failures[0]
  }
}
