/**
 * An `AbortController` that creates its signal on first use, because few of the steps that could be aborted ever wait.
 * Must not know the steps.
 */
import { isPromise } from '../maybe-promise.js'

export class Aborter {
  #controller: AbortController | undefined
  #reason: Error | undefined

  /** Ends all waiting. Later calls have no effect. */
  abort(reason: Error): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#controller?.abort(reason)
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
    const outcome = isPromise(step) ? await settledOrAborted(step, this.signal) : (step as T)
    this.throwIfAborted()
    return outcome
  }
}

function settledOrAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).then(() => signal.removeEventListener('abort', abort))
  })
}
