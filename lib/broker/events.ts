/** Emits the broker's events so that a listener which throws harms nobody: it is reported as an event itself. */
import type { EventEmitter } from 'node:events'
import type { Client, ClientEvents } from '../../types/client.js'
import type { BrokerEvents } from '../../types/events.js'
import { AnaxError } from '../errors.js'
import type { EventSink } from '../session/ports.js'

export class BrokerEventSink implements EventSink {
  readonly #emitter: EventEmitter<BrokerEvents>

  constructor(emitter: EventEmitter<BrokerEvents>) {
    this.#emitter = emitter
  }

  has(name: keyof BrokerEvents): boolean {
    return this.#emitter.listenerCount(name) > 0
  }

  emit<Name extends keyof BrokerEvents>(name: Name, ...args: BrokerEvents[Name]): void {
    try {
      ;(this.#emitter.emit as (name: string, ...args: unknown[]) => boolean).call(this.#emitter, name, ...args)
    } catch (cause) {
      this.#report(name, cause)
    }
  }

  emitFrom(client: Client, name: keyof ClientEvents): void {
    try {
      client.emit(name)
    } catch (cause) {
      this.#report(name, cause)
    }
  }

  #report(name: keyof BrokerEvents | keyof ClientEvents, cause: unknown): void {
    const error = new AnaxError('ANAX_ERR_LISTENER', { detail: name, cause })
    if (name === 'hookError') {
      // the listener that would be told is the one that failed
      process.emitWarning(error)
      return
    }
    this.emit('hookError', error, `listener:${name}`, null)
  }
}
