/**
 * Decides who may connect while the broker is overloaded. Owns the one exception: a client whose queue takes memory,
 * because only the client can empty it. Must not know how an overload is measured.
 */
import type { SessionPersistence } from '../../../types/persistence.js'
import { AnaxError } from '../../errors.js'
import type { OverloadState } from '../../model/metering/overload.js'
import { isPromise } from '../../util/maybe-promise.js'

export interface GateParts {
  readonly overload: OverloadState
  readonly store: Pick<SessionPersistence, 'durability' | 'queueSize' | 'counts'>
}

export class OverloadGate {
  readonly #parts: GateParts

  constructor(parts: GateParts) {
    this.#parts = parts
  }

  /** Whether every client that connects now is refused. */
  get refusesAll(): boolean {
    const { overload, store } = this.#parts
    if (!overload.isOn) return false
    return !this.#drainingHelps || !store.counts?.().queuedMessages
  }

  /** The error for a client that connects during an overload. */
  refusalOf(clientId: string): AnaxError | undefined {
    const { cause } = this.#parts.overload
    if (cause === undefined || this.#hasQueueInMemory(clientId)) return undefined
    return new AnaxError('ANAX_ERR_OVERLOADED', { detail: cause })
  }

  /** Whether memory is short, and queues are in memory. */
  get #drainingHelps(): boolean {
    const { overload, store } = this.#parts
    return overload.cause === 'memory' && store.durability === 'memory'
  }

  /** Stores that have to fetch the answer have their queues elsewhere. */
  #hasQueueInMemory(clientId: string): boolean {
    if (!this.#drainingHelps) return false
    const size = this.#parts.store.queueSize(clientId)
    if (!isPromise(size)) return size.messages > 0
    size.catch(() => {})
    return false
  }
}
