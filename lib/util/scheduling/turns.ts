/**
 * A lock per key: steps for the same key run one after the other, in the order in which they were requested. A waiting
 * step can be aborted. Owns the queues; must not know what the steps do.
 */
import type { MaybePromise } from '../../../types/persistence.js'
import { isPromise } from '../maybe-promise.js'
import type { Aborter } from './aborter.js'

/** Maximum number of concurrent steps for many keys. */
const AT_ONCE = 50

export class Turns {
  /** Key -> steps that wait for the running one. */
  readonly #lines = new Map<string, (() => void)[]>()

  /** Whether a step for the key is running. */
  isTaken(key: string): boolean {
    return this.#lines.size > 0 && this.#lines.has(key)
  }

  /**
   * Runs a step while no other step runs for the key: immediately, if none does. Returns no promise if nothing has to
   * wait, because thousands of clients may connect at the same time.
   * @param aborter if it aborts before the step begins, the step is skipped, and its reason is the error
   */
  take<T>(key: string, step: () => Promise<T>, aborter?: Aborter): Promise<T>
  take<T>(key: string, step: () => MaybePromise<T>, aborter?: Aborter): MaybePromise<T>
  take<T>(key: string, step: () => MaybePromise<T>, aborter?: Aborter): MaybePromise<T> {
    const turn = this.#turn(key, aborter)
    return turn === undefined ? this.#run(key, step) : turn.then(() => this.#run(key, step))
  }

  #run<T>(key: string, step: () => MaybePromise<T>): MaybePromise<T> {
    let outcome: MaybePromise<T>
    try {
      outcome = step()
    } catch (error) {
      this.#next(key)
      throw error
    }
    if (isPromise(outcome)) return outcome.finally(() => this.#next(key))
    this.#next(key)
    return outcome
  }

  /**
   * Runs a step for each of many keys: begun in order, and several at a time, so that a slow one does not delay all
   * others. All steps run even if one fails; rejects with the first failure.
   */
  async takeEach<Item>(items: readonly Item[], keyOf: (item: Item) => string, step: (item: Item) => Promise<void>) {
    const failures: unknown[] = []
    // one iterator for all workers: each takes the next item
    const left = items.values()
    const work = async () => {
      for (const item of left) await this.take(keyOf(item), () => step(item)).catch(error => failures.push(error))
    }
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, work))
    if (failures.length > 0) throw failures[0]
  }

  #turn(key: string, aborter: Aborter | undefined): Promise<void> | undefined {
    aborter?.throwIfAborted()
    const line = this.#lines.get(key)
    if (line === undefined) {
      this.#lines.set(key, [])
      return undefined
    }
    const signal = aborter?.signal
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
