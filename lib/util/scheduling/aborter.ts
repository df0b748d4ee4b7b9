/**
 * An `AbortController` that creates its signal on first use, because few of the steps that could be aborted ever wait.
 * Must not know the steps.
 */
import { isPromise } from '../maybe-promise.js'

export class Aborter {
  #controller: AbortController | undefined
  #reason: Error | undefined
  /** What rejects the steps that are awaited: cheaper than a signal with listeners. */
  #awaited: Set<(reason: Error) => void> | undefined

  /** Ends all waiting. Later calls have no effect. */
  abort(reason: Error): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#controller?.abort(reason)
    for (const reject of this.#awaited ?? []) reject(reason)
  }

  throwIfAborted(): void {
    if (this.#reason !== undefined) throw this.#reason
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** The result of a step. Rejects with the reason if the abort comes first; the step is then no longer awaited. */
  async unlessAborted<T>(step: T | Promise<T>): Promise<T> {
    const outcome = isPromise(step) ? await this.#settledOrAborted(step) : (step as T)
    this.throwIfAborted()
    return outcome
  }

  #settledOrAborted<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#reason !== undefined) reject(this.#reason)
      this.#awaited ??= new Set()
      const awaited = this.#awaited
      awaited.add(reject)
      promise.then(resolve, reject).then(() => awaited.delete(reject))
    })
  }
}
