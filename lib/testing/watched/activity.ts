/**
 * The activity of a broker under test: pending calls of hooks, store and bus, and bytes in transit. Owns the counts and
 * the waiting for quiet; knows none of the counted parts.
 */
import { AnaxError } from '../../index.js'

/** A broker counts as quiet after this many turns of the event loop without new activity. */
const QUIET_TURNS = 5

// saved before a test runner replaces the timers
const { setTimeout: startTimer, clearTimeout: stopTimer, setImmediate: afterTurn } = globalThis

export class Activity {
  readonly #pending = new Map<string, number>()
  #begun = 0

  /** The names of pending calls, each with its count. */
  get pending(): string[] {
    return [...this.#pending].map(([name, count]) => (count === 1 ? name : `${name} (${count} times)`))
  }

  /** Notes an activity without duration. */
  note(): void {
    this.#begun++
  }

  /** Begins an activity. @returns the function that ends it */
  begin(name: string): () => void {
    this.#begun++
    this.#pending.set(name, (this.#pending.get(name) ?? 0) + 1)
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#begun++
      const left = (this.#pending.get(name) ?? 1) - 1
      if (left === 0) this.#pending.delete(name)
      else this.#pending.set(name, left)
    }
  }

  /** Resolves when nothing is pending, and nothing has begun for some turns of the event loop. */
  async quiet(timeoutMs: number): Promise<void> {
    let isLate = false
    const timer = startTimer(() => {
      isLate = true
    }, timeoutMs)
    try {
      for (let turns = 0, begun = this.#begun; turns < QUIET_TURNS; turns++) {
        await new Promise<void>(resolve => afterTurn(resolve))
        if (this.#pending.size > 0 || this.#begun !== begun) turns = 0
        begun = this.#begun
        if (isLate) throw this.#late(timeoutMs)
      }
    } finally {
      stopTimer(timer)
    }
  }

  /** Waits some turns of the event loop, so that work without pending calls can finish. */
  async turns(): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS; turns++) await new Promise<void>(resolve => afterTurn(resolve))
  }

  #late(timeoutMs: number): AnaxError {
    const what = this.pending.length > 0 ? this.pending.join(', ') : 'something new again and again'
    return new AnaxError('ANAX_ERR_TIMEOUT', { detail: `not settled within ${timeoutMs} ms: ${what}` })
  }
}
