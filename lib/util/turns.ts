/**
 * Who may go on for one key, one after the other, in the order in which they asked; who gives up leaves the line.
 * Owns the lines; must not know what anybody does when it is their turn.
 */

export class Turns {
  /** Key -> those who wait for the one whose turn it is. */
  readonly #lines = new Map<string, (() => void)[]>()

  /**
   * Carries out a step while nobody else does anything for the key.
   * @param signal who is no longer interested before the turn came rejects with its reason, and the step is not begun
   */
  async take<T>(key: string, step: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#turn(key, signal)
    try {
      return await step()
    } finally {
      this.#next(key)
    }
  }

  /** A step for each of many keys, in turn; one that fails keeps none from theirs. Rejects with the first failure. */
  async takeEach<Item>(items: Iterable<Item>, keyOf: (item: Item) => string, step: (item: Item) => Promise<void>) {
    const failures: unknown[] = []
    for (const item of items) {
      await this.take(keyOf(item), () => step(item)).catch(error => failures.push(error))
    }
    if (failures.length > 0) throw failures[0]
  }

  #turn(key: string, signal: AbortSignal | undefined): Promise<void> | undefined {
    signal?.throwIfAborted()
    const line = this.#lines.get(key)
    if (line === undefined) {
      this.#lines.set(key, [])
      return undefined
    }
    return new Promise((resolve, reject) => {
      const begin = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        line.splice(line.indexOf(begin), 1)
        reject(signal!.reason)
      }
      line.push(begin)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }

  #next(key: string): void {
    const begin = this.#lines.get(key)!.shift()
    if (begin === undefined) this.#lines.delete(key)
    else begin()
  }
}
