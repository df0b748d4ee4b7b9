/**
 * The charges that a consumer has written to its journal. One that arrives again has a known key, so none counts twice.
 * With a database, the key is a unique column, and key and charge are written in one transaction.
 */
import { Journal } from './journal.js'

export class Charges {
  readonly #journal: Journal
  readonly #known: Set<string | undefined>

  constructor(path: string) {
    this.#journal = new Journal(path)
    this.#known = new Set(this.#journal.lines.map(line => line.split(' ')[1]))
  }

  /** Takes a message. When it returns, the charge is on the disk, and the message may be acknowledged. */
  take(payload: Buffer): void {
    const { key, cents } = JSON.parse(payload.toString())
    this.#journal.append(`${this.#known.has(key) ? 'again' : 'charge'} ${key} ${cents}`)
    this.#known.add(key)
  }
}
