/** Promises that resolve when an event happens. Owns the promises; must not know the event. */

export class Waiters {
  #resolves: (() => void)[] = []

  /** Resolves at the next {@link Waiters.release}. */
  wait(): Promise<void> {
    return new Promise(resolve => this.#resolves.push(resolve))
  }

  /** Resolves all promises. Later callers wait for the next time. */
  release(): void {
    const resolves = this.#resolves
    this.#resolves = []
    for (const resolve of resolves) resolve()
  }
}
