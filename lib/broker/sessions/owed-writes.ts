/**
 * Writes about a client that is gone, which the store did not take: tried again until it does.
 * Owns which are left; must not know what they write, nor when the next attempt is made.
 */
import type { MaybePromise } from '../../../types/persistence.js'

/** Something that may be written twice as well as once, and before or after the others. */
export type Write = () => MaybePromise<void>

export class OwedWrites {
  readonly #owed = new Map<string, Write[]>()
  readonly #noted: () => void

  /** @param noted told of each write that is owed from now on */
  constructor(noted: () => void) {
    this.#noted = noted
  }

  get isEmpty(): boolean {
    return this.#owed.size === 0
  }

  /** The clients for which something is owed. */
  get clients(): string[] {
    return [...this.#owed.keys()]
  }

  has(clientId: string): boolean {
    return this.#owed.has(clientId)
  }

  /** Carries out a write. Rejects if it fails; it is owed then. */
  async carryOut(clientId: string, write: Write): Promise<void> {
    try {
      await write()
    } catch (error) {
      this.#owed.set(clientId, [...(this.#owed.get(clientId) ?? []), write])
      this.#noted()
      throw error
    }
  }

  /** Tries again what is owed for a client, each whatever becomes of the others. Rejects with the first failure. */
  async settle(clientId: string): Promise<void> {
    const left: Write[] = []
    const failures: unknown[] = []
    for (const write of this.#owed.get(clientId) ?? []) {
      try {
        await write()
      } catch (error) {
        left.push(write)
        failures.push(error)
      }
    }
    if (left.length === 0) this.#owed.delete(clientId)
    else this.#owed.set(clientId, left)
    if (failures.length > 0) throw failures[0]
  }
}
