/**
 * The calls of hooks that have not answered yet. A hook may wait for the end of the very client that it is asked about, or
 * of the broker: who is waited for must be able to tell. Must not know what a hook decides.
 */
import type { Client } from '../../../types/client.js'

type Abandon = () => void

export class PendingHooks {
  readonly #calls = new Map<Client | null, Set<Abandon>>()
  /** Calls that are on the stack now. */
  #depth = 0
  #isAbandoned = false

  /** Whether a hook is on the stack now: what happens, a hook does. */
  get isCalling(): boolean {
    return this.#depth > 0
  }

  /** Whether a hook is being asked about a client. */
  isAsking(client: Client): boolean {
    return this.isCalling || this.#calls.has(client)
  }

  /** Calls a hook. */
  call(hook: (...args: never[]) => unknown, args: unknown[]): unknown {
    this.#depth++
    try {
      return hook(...(args as never[]))
    } finally {
      this.#depth--
    }
  }

  add(client: Client | null, abandon: Abandon): void {
    const calls = this.#calls.get(client)
    if (this.#isAbandoned) abandon()
    else if (calls === undefined) this.#calls.set(client, new Set([abandon]))
    else calls.add(abandon)
  }

  delete(client: Client | null, abandon: Abandon): void {
    const calls = this.#calls.get(client)
    if (calls?.delete(abandon) && calls.size === 0) this.#calls.delete(client)
  }

  /** No answer is waited for any more, of no hook. */
  abandonAll(): void {
    this.#isAbandoned = true
    for (const calls of [...this.#calls.values()]) for (const abandon of [...calls]) abandon()
  }
}
