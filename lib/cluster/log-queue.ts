/**
 * What the log has for a session, as its queue: what its client missed is held to the limits of queues, and is kept with the
 * session before the log forgets it. Owns these limits; must not know who sends, nor how records are written, nor what comes
 * while the client is connected.
 */
import type { Message } from '../../types/message.js'
import type { QueuedMessage, QueueLimits } from '../../types/persistence.js'
import { sizeInQueue } from '../model/backlog.js'
import { refKey } from '../model/message.js'
import type { ClusterLink } from './cluster-link.js'
import { type OwnedSession, ownRecord, positionOf, refOf } from './owned-session.js'

/** The part of its time in the log after which a message is kept with the session. */
const KEEP_AFTER = 0.8
/** Messages and bytes that are kept in one step. */
const STEP = 100
const STEP_BYTES = 1024 * 1024

export interface LogQueueParts {
  readonly link: ClusterLink
  limitsOf(clientId: string): QueueLimits
  dropped(clientId: string, message: Message): void
  write(owned: OwnedSession, records: Record<string, Uint8Array | undefined>): Promise<unknown>
}

/** Counts what is let in. */
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

  /** Everything behind the session's place in the log. The first time, what its client missed is held to the limits. */
  async *read(owned: OwnedSession): AsyncGenerator<QueuedMessage> {
    const read = owned.beginRead(await this.#parts.link.node.ends())
    const isWithin = owned.filters.length > 0 && owned.isBehind ? await this.#limitsFor(owned, read.ends) : undefined
    for await (const queued of this.#entries(owned, read.ends)) {
      if (this.#isDropped(owned, queued)) continue
      if (isWithin !== undefined && !isWithin(queued.message!)) continue
      read.waiting.add(refKey(queued.ref))
      yield queued
    }
    owned.isBehind = false
    owned.endRead(read)
  }

  /** Whether the client read too slowly for a message; each is told once. */
  #isDropped({ backlog, claim }: OwnedSession, { message, ref }: QueuedMessage): boolean {
    const drop = backlog.dropOf(positionOf(ref)!)
    if (drop === 'untold') this.#parts.dropped(claim.clientId, message!)
    return drop !== undefined
  }

  /** When what a session misses from now on has to be kept with it; undefined for one that misses nothing. */
  keepAt(owned: OwnedSession, now: number): number | undefined {
    const { logMs } = this.#parts.link.node
    return owned.filters.length > 0 && Number.isFinite(logMs) ? now + logMs * KEEP_AFTER : undefined
  }

  /** Whether the log may have forgotten something that was not kept in time. */
  isTooLate(owned: OwnedSession, now: number): boolean {
    return owned.keepAt !== undefined && now > owned.keepAt + this.#parts.link.node.logMs * (1 - KEEP_AFTER)
  }

  /** Keeps with the session what the log has for it, within the limits, so that the log may forget it. */
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
    for (const [shard, end] of ends.entries()) owned.advanceTo(shard, end)
    await this.#write(owned, records)
  }

  /** Together with its place in the log: each message is in one of both. */
  #write(owned: OwnedSession, records: Record<string, Uint8Array>): Promise<unknown> {
    const progress = owned.progressRecord()
    owned.progressWritten()
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

  /** @returns whether a message is within the limits, to be asked in order; others are dropped, and told */
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

  /** How many of the oldest are too many. */
  async #excess(owned: OwnedSession, ends: readonly number[], limits: QueueLimits): Promise<number> {
    const sizes: number[] = []
    for await (const { message } of this.#entries(owned, ends)) sizes.push(sizeInQueue(message!))
    const room = new Room(limits, owned.own.size)
    let kept = 0
    while (kept < sizes.length && room.take(sizes[sizes.length - 1 - kept]!)) kept++
    return sizes.length - kept
  }
}
