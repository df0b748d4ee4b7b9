/**
 * A map that forgets values which say nothing any more. Owns when they go; must not know what makes a value idle.
 * No timer: each new key has the two oldest ones looked at, so that the map stays as small as what is in use.
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

  /** The value of a key, made where there is none. */
  obtain(key: string, make: () => Value): Value {
    const known = this.#values.get(key)
    if (known !== undefined) return known
    this.#tidy()
    this.#tidy()
    const made = make()
    this.#values.set(key, made)
    return made
  }

  /** The oldest goes, or begins anew. */
  #tidy(): void {
    for (const [key, value] of this.#values) {
      this.#values.delete(key)
      if (!this.#isIdle(value)) this.#values.set(key, value)
      return
    }
  }
}
