/**
 * Finds things by a number of theirs: a hash table that grows and shrinks by one place at a time (linear hashing), so
 * that no call has to move everything, and from which what is deleted leaves nothing behind, nor does a burst.
 * A `Map` that things come to and go from all the time is rebuilt over and over, and its old tables keep what was in
 * them from the young generation's garbage collector: that alone was a third of the cost of a queued message.
 * Knows nothing of the things but the number.
 */

/** What can be found by its number. It is in one index at a time. */
export interface Numbered<T> {
  readonly number: number
  /** Owned by the index: the next one at the same place. */
  chained: T | undefined
}

const LEAST_PLACES = 8
/** An index with no more is left alone: one that is emptied and filled all the time would cost twice as much. */
const KEPT_PLACES = 32
/** 2^32 divided by the golden ratio: spreads numbers that follow each other, at whatever distance. */
const SPREAD = 0x9e3779b1

export class NumberIndex<T extends Numbered<T>> {
  /** First of each chain. */
  #places = placesFor<T>()
  /** The power of two that the number of places has reached, and is below the double of. */
  #half = LEAST_PLACES
  #size = 0

  get size(): number {
    return this.#size
  }

  get(number: number): T | undefined {
    let thing = this.#places[this.#placeOf(number)]
    while (thing !== undefined && thing.number !== number) thing = thing.chained
    return thing
  }

  /** Adds a thing; there must be none with its number. */
  add(thing: T): void {
    this.#chain(thing)
    this.#size++
    if (this.#size > this.#places.length) this.#grow()
  }

  delete(number: number): void {
    const place = this.#placeOf(number)
    let before: T | undefined
    let thing = this.#places[place]
    while (thing !== undefined && thing.number !== number) {
      before = thing
      thing = thing.chained
    }
    if (thing === undefined) return
    if (before === undefined) this.#places[place] = thing.chained
    else before.chained = thing.chained
    thing.chained = undefined
    this.#size--
    if (this.#places.length <= KEPT_PLACES) return
    if (this.#size === 0) this.#reset()
    else if (this.#size * 4 < this.#places.length) this.#shrink()
  }

  /** The lowest bits of the hash, one less where that place is not there yet. */
  #placeOf(number: number): number {
    const product = Math.imul(number, SPREAD)
    const hash = product ^ (product >>> 16)
    const place = hash & (2 * this.#half - 1)
    return place < this.#places.length ? place : place - this.#half
  }

  #chain(thing: T): void {
    const place = this.#placeOf(thing.number)
    thing.chained = this.#places[place]
    this.#places[place] = thing
  }

  /** Adds a place: what belongs there stood in one other place. */
  #grow(): void {
    const from = this.#places.length - this.#half
    const moving = this.#places[from]
    this.#places[from] = undefined
    this.#places.push(undefined)
    if (this.#places.length === 2 * this.#half) this.#half *= 2
    this.#chainAll(moving)
  }

  /** There is nothing in it. */
  #reset(): void {
    this.#places = placesFor<T>()
    this.#half = LEAST_PLACES
  }

  /** Takes the last place away. */
  #shrink(): void {
    if (this.#places.length === this.#half) {
      this.#half /= 2
      // an array that is emptied keeps the memory of its best days
      this.#places = this.#places.slice()
    }
    this.#chainAll(this.#places.pop())
  }

  #chainAll(first: T | undefined): void {
    for (let thing = first; thing !== undefined; ) {
      const following: T | undefined = thing.chained
      this.#chain(thing)
      thing = following
    }
  }
}

function placesFor<T>(): (T | undefined)[] {
  return new Array<T | undefined>(LEAST_PLACES).fill(undefined)
}
