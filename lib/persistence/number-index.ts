/**
 * Finds things by a number of theirs: a hash table in one array, from which what is deleted leaves nothing behind.
 * A `Map` that things come to and go from all the time is rebuilt over and over, and its old tables keep what was in
 * them from the young generation's garbage collector: that alone was a third of the cost of a queued message.
 * Knows nothing of the things but the number.
 */

const LEAST_BITS = 3
/** 2^32 divided by the golden ratio: spreads numbers that follow each other, at whatever distance. */
const SPREAD = 0x9e3779b1

export class NumberIndex<T extends { readonly number: number }> {
  #bits = LEAST_BITS
  #slots: (T | undefined)[] = empty(LEAST_BITS)
  #size = 0

  get size(): number {
    return this.#size
  }

  get(number: number): T | undefined {
    return this.#slots[this.#slotOf(number)]
  }

  /** Adds a thing, or replaces the one with the same number. */
  set(thing: T): void {
    const slot = this.#slotOf(thing.number)
    if (this.#slots[slot] === undefined) this.#size++
    this.#slots[slot] = thing
    if (this.#size * 2 > this.#slots.length) this.#resize(this.#bits + 1)
  }

  delete(number: number): void {
    const slot = this.#slotOf(number)
    if (this.#slots[slot] === undefined) return
    this.#size--
    this.#close(slot)
    if (this.#bits > LEAST_BITS && this.#size * 8 < this.#slots.length) this.#resize(this.#bits - 1)
  }

  /** Where it is, or would be. */
  #slotOf(number: number): number {
    const slots = this.#slots
    const last = slots.length - 1
    let slot = this.#homeOf(number)
    for (let thing = slots[slot]; thing !== undefined && thing.number !== number; thing = slots[slot]) {
      slot = (slot + 1) & last
    }
    return slot
  }

  #homeOf(number: number): number {
    return Math.imul(number, SPREAD) >>> (32 - this.#bits)
  }

  /** Moves up what stands behind a gap only because that was taken. */
  #close(gap: number): void {
    const slots = this.#slots
    const last = slots.length - 1
    let open = gap
    let slot = (gap + 1) & last
    for (let thing = slots[slot]; thing !== undefined; thing = slots[slot]) {
      const fromHome = (slot - this.#homeOf(thing.number)) & last
      if (fromHome >= ((slot - open) & last)) {
        slots[open] = thing
        open = slot
      }
      slot = (slot + 1) & last
    }
    slots[open] = undefined
  }

  #resize(bits: number): void {
    const slots = this.#slots
    this.#bits = bits
    this.#slots = empty(bits)
    for (const thing of slots) if (thing !== undefined) this.#slots[this.#slotOf(thing.number)] = thing
  }
}

function empty<T>(bits: number): (T | undefined)[] {
  return new Array<T | undefined>(1 << bits).fill(undefined)
}
