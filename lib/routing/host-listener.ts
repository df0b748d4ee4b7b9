/**
 * A function of the host that receives the messages of a filter. Whether it throws, rejects or takes long does not
 * affect the broker.
 */
import type { MessageListener } from '../../types/broker/broker.js'
import type { Message } from '../../types/message/message.js'
import { isPromise } from '../util/maybe-promise.js'

export class HostListener {
  readonly #listener: MessageListener
  readonly #failed: (cause: unknown) => void

  /** @param failed receives what the listener throws, or rejects with */
  constructor(listener: MessageListener, failed: (cause: unknown) => void) {
    this.#listener = listener
    this.#failed = failed
  }

  call(message: Message): void {
    try {
      // Nothing waits for a listener, so its `done` has nothing to do.
      const outcome = this.#listener(message, () => {}) as unknown
      if (isPromise(outcome)) Promise.resolve(outcome).catch(this.#failed)
    } catch (cause) {
      this.#failed(cause)
    }
  }
}
