/**
 * The messages of the log for a session, as its queue: applies the limits of queues to the messages that its client
 * missed, and copies them into the session before the log discards them. Owns these limits; must not know who sends,
 * how records are written, nor the messages that arrive while the client is connected.
 */
import type { Message } from '../../../types/message/message.js'
import type { QueuedMessage, QueueLimits } from '../../../types/persistence.js'
import { sizeInQueue } from '../../model/backlog.js'
import { refKey } from '../../model/message.js'
import type { ClusterLink } from '../cluster-link.js'
import { type BroughtFilters, type LogRead, type OwnedSession, ownRecord, positionOf, refOf } from './owned-session.js'

/** The fraction of its time in the log after which a message is copied into the session. */
const KEEP_AFTER = 0.8
/** Messages and bytes that are copied in one step. */
const STEP = 100
const STEP_BYTES = 1024 * 1024

export interface LogQueueParts {
  readonly link: ClusterLink
  readonly brought: BroughtFilters
  limitsOf(clientId: string): QueueLimits
  dropped(clientId: string, message: Message): void
  write(owned: OwnedSession, records: Record<string, Uint8Array | undefined>): Promise<unknown>
}

/** Counts messages against limits. */
class Room {
  readonly #limits: QueueLimits
  #messages: number
  #bytes = 0

  constructor(limits: QueueLimits, messages: number) {
    this.#limits = limits
    this.#messages = messages
  }

  /** @returns whether there is room for a message */
  take(bytes: number): boolean {
    if (this.#messages >= this.#limits.maxMessages || this.#bytes + bytes > this.#limits.maxBytes) return false
    this.#messages++
    this.#bytes += bytes
    return true
  }
}

export class LogQueue {
  readonly #parts: LogQueueParts

  constructor(parts: LogQueueParts) {
    this.#parts = parts
  }

  /** Finishes a read at once if the session has missed nothing. @returns whether it has */
  finish(owned: OwnedSession): boolean {
    const ends = owned.missesUpTo(this.#parts.brought)
    if (ends === undefined || !owned.isPast(ends)) return false
    const read = owned.beginRead(ends)
    owned.isBehind = false
    owned.endRead(read)
    return true
  }

  /**
   * Reads the messages of the log after the session's cursor that arrived at this node too early, or not at all, to be
   * sent live. The first read applies the limits to the messages that its client missed.
   */
  async *read(owned: OwnedSession): AsyncGenerator<QueuedMessage> {
    const { link, brought } = this.#parts
    // usually this node knows it, so a reconnecting client costs no request
    const read = owned.beginRead(owned.missesUpTo(brought) ?? (await link.node.ends()))
    // most have missed nothing
    if (!owned.isPast(read.ends)) yield* this.#missed(owned, read)
    owned.isBehind = false
    owned.endRead(read)
  }

  async *#missed(owned: OwnedSession, { ends, waiting }: LogRead): AsyncGenerator<QueuedMessage> {
    const isWithin = owned.filters.length > 0 && owned.isBehind ? await this.#limitsFor(owned, ends) : undefined
    for await (const queued of this.#entries(owned, ends)) {
      if (this.#isDropped(owned, queued)) continue
      if (isWithin !== undefined && !isWithin(queued.message!)) continue
      waiting.add(refKey(queued.ref))
      yield queued
    }
  }

  /** Whether a message was dropped because the client read too slowly; each drop is reported once. */
  #isDropped({ backlog, claim }: OwnedSession, { message, ref }: QueuedMessage): boolean {
    const drop = backlog.dropOf(positionOf(ref)!)
    if (drop === 'untold') this.#parts.dropped(claim.clientId, message!)
    return drop !== undefined
  }

  /**
   * The time at which messages that a session misses from now on must be copied into it; undefined for a session
   * without subscriptions.
   */
  keepAt(owned: OwnedSession, now: number): number | undefined {
    const { logMs } = this.#parts.link.node
    return owned.filters.length > 0 && Number.isFinite(logMs) ? now + logMs * KEEP_AFTER : undefined
  }

  /** Whether the log may have discarded messages that were not copied in time. */
  isTooLate(owned: OwnedSession, now: number): boolean {
    return owned.keepAt !== undefined && now > owned.keepAt + this.#parts.link.node.logMs * (1 - KEEP_AFTER)
  }

  /** Copies the messages of the log into the session, within the limits, so that the log may discard them. */
  async keep(owned: OwnedSession): Promise<void> {
    const ends = await this.#parts.link.node.ends()
    const isWithin = await this.#limitsFor(owned, ends)
    let records: Record<string, Uint8Array> = {}
    let bytes = 0
    for await (const { message, ref, delivery } of this.#entries(owned, ends)) {
      owned.advance(ref)
      if (!isWithin(message!)) continue
      const name = owned.addOwn(message!, delivery)
      records[name] = ownRecord({ message: message!, delivery })
      bytes += message!.payload.length
      if (Object.keys(records).length < STEP && bytes < STEP_BYTES) continue
      await this.#write(owned, records)
      records = {}
      bytes = 0
    }
    owned.skipTo(ends)
    await this.#write(owned, records)
  }

  /** Together with its cursor, so that each message is either in the log or in the session. */
  #write(owned: OwnedSession, records: Record<string, Uint8Array>): Promise<unknown> {
    const progress = owned.progressRecord()
    return this.#parts.write(owned, { ...records, ...(progress !== undefined && { c: progress }) })
  }

  async *#entries(owned: OwnedSession, ends: readonly number[]): AsyncGenerator<QueuedMessage> {
    const { filters } = owned
    if (filters.length === 0) return
    for await (const { position, message } of this.#parts.link.node.read(filters, [...owned.cursor], ends)) {
      // it was sent meanwhile
      if (owned.isDone(position)) continue
      const delivery = owned.deliveryOf(message, position)
      if (delivery === undefined) continue
      const ref = refOf(position)
      yield { message: Object.assign(message, ref), ref, delivery, packetId: undefined }
    }
  }

  /**
   * @returns a function that tells whether a message is within the limits, to be called in order; others are dropped
   * and reported
   */
  async #limitsFor(owned: OwnedSession, ends: readonly number[]): Promise<(message: Message) => boolean> {
    const { limitsOf, dropped } = this.#parts
    const { clientId } = owned.claim
    const limits = limitsOf(clientId)
    const room = new Room(limits, owned.own.size)
    let toSkip = limits.overflow === 'drop-oldest' ? await this.#excess(owned, ends, limits) : 0
    return message => {
      const isWithin = toSkip === 0 && room.take(sizeInQueue(message))
      if (toSkip > 0) toSkip--
      if (!isWithin) dropped(clientId, message)
      return isWithin
    }
  }

  /** The number of oldest messages to drop. */
  async #excess(owned: OwnedSession, ends: readonly number[], limits: QueueLimits): Promise<number> {
    const sizes: number[] = []
    for await (const { message } of this.#entries(owned, ends)) sizes.push(sizeInQueue(message!))
    const room = new Room(limits, owned.own.size)
    let kept = 0
    while (kept < sizes.length && room.take(sizes[sizes.length - 1 - kept]!)) kept++
    return sizes.length - kept
  }
}
