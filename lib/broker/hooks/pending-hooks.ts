/**
 * Tracks the hook calls that are waiting for an answer. A hook may wait until its own client or the broker is closed;
 * these can check here and avoid the deadlock. Must not know what a hook decides.
 */
import type { Client } from '../../../types/client/client.js'

type Abandon = () => void

export class PendingHooks {
  readonly #calls = new Map<Client | null, Set<Abandon>>()
  /** Number of hook calls on the call stack. */
  #depth = 0
  #isAbandoned = false

  /** Whether a hook is running synchronously right now. */
  get isCalling(): boolean {
    return this.#depth > 0
  }

  /** Whether a hook call about this client is pending. */
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

  /** Stops waiting for the answers of all hooks. */
  abandonAll(): void {
    this.#isAbandoned = true
    for (const calls of [...this.#calls.values()]) for (const abandon of [...calls]) abandon()
  }
}
