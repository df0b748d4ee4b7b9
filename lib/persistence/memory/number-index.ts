/**
 * A hash table of items by number, which grows and shrinks by one bucket at a time (linear hashing). No call has to
 * move all items, and neither deletions nor bursts leave memory behind. A `Map` with constant insertions and deletions
 * is rebuilt again and again, and its old tables keep their entries alive for the young generation's garbage collector:
 * that was a third of the cost of a queued message. Must not know the items, except their number.
 */

/** An item with a number. It can be in one index at a time. */
export interface Numbered<T> {
  readonly number: number
  /** Owned by the index: the next item in the same bucket. */
  chained: T | undefined
}

const LEAST_PLACES = 8
/** Smaller indexes do not shrink: an index that is emptied and filled again and again would cost twice as much. */
const KEPT_PLACES = 32
/** 2^32 divided by the golden ratio: spreads numbers of any regular distance. */
const SPREAD = 0x9e3779b1

export class NumberIndex<T extends Numbered<T>> {
  /** The first item of each bucket. */
  #places = placesFor<T>()
  /** The largest power of two that is not above the number of buckets. */
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

  /** Adds an item. The index must not have one with the same number. */
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

  /** The lowest bits of the hash, with one bit less if that bucket does not exist yet. */
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

  /** Adds a bucket: its items come from exactly one other bucket. */
  #grow(): void {
    const from = this.#places.length - this.#half
    const moving = this.#places[from]
    this.#places[from] = undefined
    this.#places.push(undefined)
    if (this.#places.length === 2 * this.#half) this.#half *= 2
    this.#chainAll(moving)
  }

  /** Whether the index is empty. */
  #reset(): void {
    this.#places = placesFor<T>()
    this.#half = LEAST_PLACES
  }

  /** Removes the last bucket. */
  #shrink(): void {
    if (this.#places.length === this.#half) {
      this.#half /= 2
      // an emptied array would keep the memory of its largest size
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
