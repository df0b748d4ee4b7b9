/**
 * A traced operation: a channel of `node:diagnostics_channel` for its start, and one for its end. Owns that it costs a
 * single check without subscribers; must not know the operation.
 */
import { type Channel, channel } from 'node:diagnostics_channel'

export class TracePoint<Context extends object> {
  readonly #start: Channel
  readonly #end: Channel

  /** @param name of the channels, without `:start` and `:end` */
  constructor(name: string) {
    this.#start = channel(`${name}:start`)
    this.#end = channel(`${name}:end`)
  }

  /** Whether there are subscribers. To be checked before a context is created. */
  get isOn(): boolean {
    return this.#start.hasSubscribers || this.#end.hasSubscribers
  }

  begin(context: Context): Context {
    this.#start.publish(context)
    return context
  }

  /**
   * Publishes the start, and runs a function within the stores that subscribers have bound to it, such as an
   * asynchronous context.
   */
  run<Result>(context: Context, body: () => Result): Result {
    return this.#start.runStores(context, body)
  }

  end(context: Context): void {
    this.#end.publish(context)
  }
}
