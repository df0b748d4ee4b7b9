/**
 * A map that drops idle values. Owns when they are dropped; must not know what makes a value idle. There is no timer:
 * adding a key checks the two oldest entries, so that idle ones do not pile up.
 */
export class IdleMap<Value> {
  readonly #values = new Map<string, Value>()
  readonly #isIdle: (value: Value) => boolean

  constructor(isIdle: (value: Value) => boolean) {
    this.#isIdle = isIdle
  }

  get size(): number {
    return this.#values.size
  }

  get(key: string): Value | undefined {
    return this.#values.get(key)
  }

  /** The value of a key, which is created if there is none. */
  obtain(key: string, make: () => Value): Value {
    const known = this.#values.get(key)
    if (known !== undefined) return known
    this.#tidy()
    this.#tidy()
    const made = make()
    this.#values.set(key, made)
    return made
  }

  /** Drops the oldest entry if it is idle; otherwise it becomes the newest. */
  #tidy(): void {
    for (const [key, value] of this.#values) {
      this.#values.delete(key)
      if (!this.#isIdle(value)) this.#values.set(key, value)
      return
    }
  }
}
