/**
 * Something that others may watch: a channel of `node:diagnostics_channel` for its start, and one for its end.
 * Owns that it costs one check where nobody listens; knows nothing of what is watched.
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

  /** Whether anybody listens. To be asked before a context is made. */
  get isOn(): boolean {
    return this.#start.hasSubscribers || this.#end.hasSubscribers
  }

  begin(context: Context): Context {
    this.#start.publish(context)
    return context
  }

  /** Begins, and runs a function in what subscribers have bound to the start: a context that is asynchronous, for instance. */
  run<Result>(context: Context, body: () => Result): Result {
    return this.#start.runStores(context, body)
  }

  end(context: Context): void {
    this.#end.publish(context)
  }
}
