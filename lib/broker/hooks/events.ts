/**
 * Emits the broker's events. A listener that throws does not affect the other listeners or the caller; its error is
 * reported as a `hookError` event. Counts events.
 */
import type { EventEmitter } from 'node:events'
import type { BrokerEvents, Drop } from '../../../types/broker/events.js'
import type { Client, ClientEvents } from '../../../types/client/client.js'
import { AnaxError } from '../../errors.js'
import type { EventSink } from '../../ports/event-sink.js'
import { isPromise } from '../../util/maybe-promise.js'
import type { DropCounts } from '../publish/drop-counts.js'
import type { EventCounts } from './event-counts.js'
import type { UnheardEvents } from './unheard-events.js'

type EventName = keyof BrokerEvents | keyof ClientEvents
type Listener = (...args: unknown[]) => unknown

export class BrokerEventSink implements EventSink {
  readonly #emitter: EventEmitter<BrokerEvents>
  readonly #drops: Pick<DropCounts, 'add'>
  readonly #counts: Pick<EventCounts, 'add'>
  readonly #unheard: Pick<UnheardEvents, 'notice'> | undefined

  /** @param unheard receives the events without listeners; undefined if a logger decides which of them matter */
  constructor(
    emitter: EventEmitter<BrokerEvents>,
    drops: Pick<DropCounts, 'add'>,
    counts: Pick<EventCounts, 'add'>,
    unheard: Pick<UnheardEvents, 'notice'> | undefined,
  ) {
    this.#emitter = emitter
    this.#drops = drops
    this.#counts = counts
    this.#unheard = unheard
  }

  has(name: keyof BrokerEvents): boolean {
    return this.#emitter.listenerCount(name) > 0
  }

  emit<Name extends keyof BrokerEvents>(name: Name, ...args: BrokerEvents[Name]): void {
    if (name === 'drop') this.#drops.add(args[0] as Drop)
    else if (name !== 'publish') this.#counts.add(name, args)
    if (this.has(name)) this.#tell(this.#emitter as EventEmitter, name, args)
    else this.#unheard?.notice(name, args)
  }

  emitFrom<Name extends keyof ClientEvents>(client: Client, name: Name, ...args: ClientEvents[Name]): void {
    this.#tell(client as EventEmitter, name, args)
  }

  /** Calls each listener separately: `emit` would skip those after one that throws. */
  #tell(emitter: EventEmitter, name: EventName, args: unknown[]): void {
    if (emitter.listenerCount(name) === 0) return
    for (const listener of emitter.rawListeners(name) as Listener[]) {
      try {
        const outcome = listener.apply(emitter, args)
        if (isPromise(outcome)) Promise.resolve(outcome).catch(cause => this.#report(name, cause))
      } catch (cause) {
        this.#report(name, cause)
      }
    }
  }

  #report(name: EventName, cause: unknown): void {
    const error = new AnaxError('ANAX_ERR_LISTENER', { detail: name, cause })
    if (name === 'hookError') {
      // the failed listener is the one for errors: do not report to it again
      process.emitWarning(error)
      return
    }
    this.emit('hookError', error, `listener:${name}`, null)
  }
}
