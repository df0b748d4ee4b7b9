/** Those who wait for something to happen once. Owns their promises; must not know what it is. */

export class Waiters {
  #resolves: (() => void)[] = []

  /** Resolves when it happens. */
  wait(): Promise<void> {
    return new Promise(resolve => this.#resolves.push(resolve))
  }

  /** It happens. Who waits from now on waits for the next time. */
  release(): void {
    const resolves = this.#resolves
    this.#resolves = []
    for (const resolve of resolves) resolve()
  }
}
