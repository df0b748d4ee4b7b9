/**
 * What a bus of the host brings, on its way to the sessions: this broker's own goes straight on, what another broker
 * published is kept first for the stored sessions that are here. Owns the order of arrival; must not know the bus.
 */
import type { BusMessage } from '../../../types/bus.js'
import type { MaybePromise } from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import { wrapError } from '../../errors.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { Arrivals } from '../../routing/arrivals.js'
import { isPromise } from '../../util/maybe-promise.js'
import { Job, Pipeline } from '../../util/pipeline.js'

export interface ReceptionParts {
  arrivals: Pick<Arrivals, 'take'>
  events: Pick<EventSink, 'emit'>
  /** Numbers a message. */
  number(message: PublishMessage): void
  /** Puts a message into the queues of stored sessions that are here. */
  keep(message: PublishMessage): MaybePromise<void>
  route(message: PublishMessage): void
  /** What was kept is routed. */
  kept(message: PublishMessage): void
}

export class Reception {
  readonly #parts: ReceptionParts
  readonly #failed = (error: unknown): void => {
    this.#parts.events.emit('storeError', wrapError('ANAX_ERR_STORE', error))
  }
  readonly #ingress = new Pipeline(Number.POSITIVE_INFINITY, this.#failed, () => {})

  constructor(parts: ReceptionParts) {
    this.#parts = parts
  }

  /** Something came. */
  receive(carried: BusMessage): void {
    const arrival = this.#parts.arrivals.take(carried)
    if (arrival === undefined) return
    const { message, from } = arrival
    if (from === 'here') {
      this.#parts.route(message)
      return
    }
    if (from === 'nobody') this.#parts.number(message)
    this.#ingress.run(new ForeignPublish(message, this.#parts, this.#failed))
  }
}

/** A message of another broker. That the store fails is told to the host; who is here gets the message all the same. */
class ForeignPublish extends Job {
  readonly #message: PublishMessage
  readonly #parts: ReceptionParts
  readonly #failed: (error: unknown) => void

  constructor(message: PublishMessage, parts: ReceptionParts, failed: (error: unknown) => void) {
    super()
    this.#message = message
    this.#parts = parts
    this.#failed = failed
  }

  override store(): void | Promise<void> {
    try {
      const kept = this.#parts.keep(this.#message)
      if (isPromise(kept)) return kept.catch(this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }

  override route(): void {
    this.#parts.route(this.#message)
    this.#parts.kept(this.#message)
  }
}
