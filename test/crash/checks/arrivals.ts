/** Counts the messages of one topic at one subscriber; the payload of a message is its number within its topic. */

export class Arrivals {
  /** How often each message came. */
  readonly copies = new Map<number, number>()
  /** How many came at all, copies included. */
  total = 0
  /** How many came for the first time after one that was published later. */
  misordered = 0
  #latest = 0

  add(number: number): void {
    const copies = this.copies.get(number) ?? 0
    this.copies.set(number, copies + 1)
    this.total++
    if (copies > 0) return
    if (number < this.#latest) this.misordered++
    else this.#latest = number
  }
}
