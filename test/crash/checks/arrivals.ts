/** Counts the messages of one topic at one subscriber; the payload of a message is its number within the topic. */

export class Arrivals {
  /** The number of copies of each message. */
  readonly copies = new Map<number, number>()
  /** All arrived messages, copies included. */
  total = 0
  /** Messages whose first copy arrived after a message that was published later. */
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
