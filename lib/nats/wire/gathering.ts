/**
 * Batches items that are added in one turn of the event loop, or while the previous batch is in progress: one write to
 * the socket and one step of the replicas for many items. Must not know the items.
 */

/** Shared by all batches that begin in the next turn, so that the client of NATS writes to its socket once. */
let turn: Promise<void> | undefined

function nextTurn(): Promise<void> {
  turn ??= new Promise(resolve => {
    setImmediate(() => {
      turn = undefined
      resolve()
    })
  })
  return turn
}

export class Gathering<T> {
  readonly #most: number
  readonly #carryOut: (items: readonly T[]) => Promise<unknown>
  #waiting: T[] = []
  #isBusy = false

  /**
   * @param most maximum size of a batch
   * @param carryOut processes one batch; resolves or rejects when the next one may begin
   */
  constructor(most: number, carryOut: (items: readonly T[]) => Promise<unknown>) {
    this.#most = most
    this.#carryOut = carryOut
  }

  add(item: T): void {
    this.#waiting.push(item)
    if (!this.#isBusy) this.#run()
  }

  async #run(): Promise<void> {
    this.#isBusy = true
    while (this.#waiting.length > 0) {
      await nextTurn()
      await this.#carryOut(this.#waiting.splice(0, this.#most)).catch(() => {})
    }
    this.#isBusy = false
  }
}
