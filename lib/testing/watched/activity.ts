/**
 * The activity of a broker under test: pending calls of hooks, store and bus, and bytes on their way.
 * Owns the counting and the waiting for quiet; knows none of those who count.
 */
import { AnaxError } from '../../index.js'

/** Turns of the event loop without anything new, after which a broker is taken to be quiet. */
const QUIET_TURNS = 5

// kept from before a test's runner puts timers of its own in their place
const { setTimeout: startTimer, clearTimeout: stopTimer, setImmediate: afterTurn } = globalThis

export class Activity {
  readonly #pending = new Map<string, number>()
  #begun = 0

  /** Names of what is under way, each with how often. */
  get pending(): string[] {
    return [...this.#pending].map(([name, count]) => (count === 1 ? name : `${name} (${count} times)`))
  }

  /** Something happens that is over at once. */
  note(): void {
    this.#begun++
  }

  /** Something begins. @returns the function that says that it is over */
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

  /** Resolves when nothing is under way, and nothing has begun for some turns of the event loop. */
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

  /** Lets what was begun and waits for nothing come to its end. */
  async turns(): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS; turns++) await new Promise<void>(resolve => afterTurn(resolve))
  }

  #late(timeoutMs: number): AnaxError {
    const what = this.pending.length > 0 ? this.pending.join(', ') : 'something new again and again'
    return new AnaxError('ANAX_ERR_TIMEOUT', { detail: `not settled within ${timeoutMs} ms: ${what}` })
  }
}
