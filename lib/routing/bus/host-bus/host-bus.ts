/**
 * A bus of the host, which other brokers may share. Publishes messages on it and receives its messages: a message of
 * this broker is routed; one of another broker, or of the application, is first queued for the stored sessions that are
 * connected here. Owns that order; must not know queues.
 */
import type { Bus, BusMessage } from '../../../../types/bus.js'
import type { MaybePromise, MessageRef } from '../../../../types/persistence.js'
import { messageBytes } from '../../../codec/message-bytes.js'
import type { PublishMessage } from '../../../codec/publish-message.js'
import { AnaxError } from '../../../errors.js'
import { keepPayload } from '../../../model/message.js'
import type { Sampler, Timings } from '../../../model/metering/timings.js'
import { recordOf } from '../../../model/routing-record.js'
import { Pipeline } from '../../../util/scheduling/pipeline.js'
import type { Timers } from '../../../util/scheduling/timers.js'
import { PublishJob } from '../../publish-job.js'
import type { MessageBus } from '../message-bus.js'
import { FilterRegistrations } from './filter-registrations.js'
import { ForeignPath, type ForeignPathParts, type ForeignRouter } from './foreign-path.js'
import { RecentMessages } from './recent-messages.js'

/** Maximum messages of others that wait for the store, and their bytes: a store that hangs must not fill the memory. */
const MAX_PENDING = { messages: 10_000, bytes: 16 * 1024 * 1024 }

export interface HostBusParts extends ForeignPathParts {
  mq: Bus
  timers: Timers
  timings: Timings
  brokerId: string
  router(): ForeignRouter & {
    /** Whether a subscription matches a topic. */
    wants(topic: string): boolean
  }
  /** Numbers a message as one of this broker. */
  number(message: PublishMessage): void
  /** Called with a message of others that arrived while too many were waiting for the store. */
  dropped(message: PublishMessage): void
}

export class HostBus implements MessageBus {
  readonly isDeferred = true
  readonly #parts: HostBusParts
  readonly #registrations: FilterRegistrations
  readonly #sampler: Sampler
  readonly #recent: RecentMessages
  readonly #foreign: ForeignPath
  readonly #pipeline: Pipeline
  readonly #pending = { messages: 0, bytes: 0 }

  constructor(parts: HostBusParts) {
    const { mq, timers, brokerId, failed } = parts
    this.#parts = parts
    this.#sampler = parts.timings.sampler('bus')
    this.#recent = new RecentMessages(brokerId, timers)
    this.#foreign = new ForeignPath(parts)
    this.#pipeline = new Pipeline(Number.POSITIVE_INFINITY, this.#foreign.failed, () => {})
    this.#registrations = new FilterRegistrations({ mq, timers, failed, receive: message => this.receive(message) })
  }

  publish(message: PublishMessage): Promise<void> {
    if (this.#parts.router().wants(message.topic)) this.#expect(message)
    const { timings } = this.#parts
    const begun = timings.isOn && this.#sampler.isDue ? performance.now() : undefined
    return new Promise((resolve, reject) => {
      const emitted = (error?: Error | null) => {
        if (begun !== undefined) timings.took('bus', performance.now() - begun)
        if (error) reject(new AnaxError('ANAX_ERR_BUS', { cause: error }))
        else resolve()
      }
      try {
        this.#parts.mq.emit(message, emitted)
      } catch (error) {
        emitted(error as Error)
      }
    })
  }

  abandon(message: PublishMessage): void {
    this.#recent.abandon(message)
  }

  sentFromQueue(ref: MessageRef, clientId: string): void {
    this.#recent.sentFromQueue(ref, clientId)
  }

  want(filter: string): MaybePromise<void> {
    return this.#registrations.want(filter)
  }

  unwant(filter: string): void {
    this.#registrations.unwant(filter)
  }

  registered(filter: string): MaybePromise<void> {
    return this.#registrations.registered(filter)
  }

  wantGroup(_share: string, filter: string): MaybePromise<void> {
    return this.want(filter)
  }

  unwantGroup(_share: string, filter: string): void {
    this.unwant(filter)
  }

  close(): Promise<void> {
    return new Promise(resolve => this.#parts.mq.close(resolve))
  }

  /** Handles a message of the bus. */
  receive(carried: BusMessage): void {
    const received = this.#recent.take(carried)
    if (received === undefined) return
    const { message, origin } = received
    if (origin === 'this broker') {
      this.#parts.router().route(message)
      return
    }
    if (origin === 'application') this.#parts.number(message)
    this.#takeIn(message)
  }

  #takeIn(message: PublishMessage): void {
    const pending = this.#pending
    if (pending.messages >= MAX_PENDING.messages || pending.bytes >= MAX_PENDING.bytes) {
      this.#recent.routed(message)
      this.#parts.dropped(message)
      return
    }
    const bytes = messageBytes(message)
    pending.messages++
    pending.bytes += bytes
    const routed = () => {
      pending.messages--
      pending.bytes -= bytes
      this.#recent.routed(message)
    }
    this.#pipeline.run(new PublishJob(this.#foreign, message, null, undefined, routed))
  }

  /** Notes that the bus will bring the message and its copies back. */
  #expect(message: PublishMessage): void {
    keepPayload(message)
    this.#recent.expect(message)
    for (const copy of recordOf(message)?.copies ?? []) this.#recent.expect(copy)
  }
}
