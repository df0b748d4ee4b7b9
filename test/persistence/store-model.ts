/**
 * The simplest possible store, with lists that are searched from the front: a reference for real stores. Must not know
 * their indexes, nor disks.
 */
import { type FullQueue, findRoom, fits } from '../../lib/persistence/room.js'
import { filterMatches, isSharedFilter } from '../../lib/topic/topic.js'
import type { Message } from '../../types/message/message.js'
import type { QueueDelivery, QueuePolicy, StoredSubscription, StoredWill } from '../../types/persistence.js'

const NEVER = 0xffff_ffff

/** An entry of a queue. */
interface Entry {
  message: Message
  delivery: QueueDelivery
  packetId: number | undefined
  isReleased: boolean
}

interface Session {
  expiryInterval: number
  expiresAt: number | undefined
  subscriptions: Map<string, StoredSubscription>
  incoming: Set<number>
  queue: Entry[]
}

interface Queue extends FullQueue<Entry> {
  delivery: QueueDelivery
  session: Session
}

/** The dropped message, its client, and the reason. */
export function lossOf(clientId: string, { brokerCounter }: Message, reason: string): string {
  return `${clientId} ${brokerCounter} ${reason}`
}

export class StoreModel {
  readonly sessions = new Map<string, Session>()
  readonly retained = new Map<string, Message>()
  readonly wills = new Map<string, { will: StoredWill; dueAt: number | undefined }>()

  save(clientId: string, expiryInterval: number, expiresAt: number | undefined): void {
    const session = this.sessions.get(clientId)
    if (session !== undefined) Object.assign(session, { expiryInterval, expiresAt })
    else {
      const nothing = { subscriptions: new Map(), incoming: new Set<number>(), queue: [] }
      this.sessions.set(clientId, { expiryInterval, expiresAt, ...nothing })
    }
  }

  recover(now: number): void {
    for (const [clientId, record] of this.wills) {
      const life = this.sessions.get(clientId)?.expiryInterval ?? 0
      record.dueAt ??= now + Math.min(record.will.properties?.willDelayInterval ?? 0, life) * 1000
    }
    for (const session of this.sessions.values()) {
      if (session.expiryInterval !== NEVER) session.expiresAt ??= now + session.expiryInterval * 1000
    }
  }

  /** @returns the dropped messages, or 'refused' */
  enqueue(message: Message, deliveries: readonly QueueDelivery[], policy: QueuePolicy): string[] | 'refused' {
    const bytes = message.payload.length
    const missing = this.queuedBytes + bytes - policy.maxTotalBytes
    const queues = deliveries.flatMap(delivery => this.#queueFor(message, delivery, policy))
    for (const { limits, size } of queues) {
      if (limits.overflow === 'reject' && (missing > 0 || !fits(size, limits, bytes))) return 'refused'
    }
    const holders = (wanted: Message) => this.#holding(wanted).length
    const { takers, losses } = findRoom<Entry, Queue>(queues, bytes, missing, entry => {
      return { message: entry.message, bytes: entry.message.payload.length, holders: holders(entry.message) }
    })
    for (const { queue, entry } of losses) if (entry !== undefined) remove(queue.session, entry)
    for (const { session, delivery } of takers) {
      session.queue.push({ message, delivery, packetId: undefined, isReleased: false })
    }
    return losses.map(({ queue, entry, reason }) => lossOf(queue.delivery.clientId, entry?.message ?? message, reason))
  }

  entry(clientId: string, message: Message): Entry | undefined {
    return this.sessions.get(clientId)?.queue.find(entry => entry.message === message)
  }

  markSent(clientId: string, message: Message, packetId: number): void {
    const entry = this.entry(clientId, message)
    if (entry !== undefined) entry.packetId = packetId
  }

  markReleased(clientId: string, message: Message, packetId: number): void {
    const entry = this.entry(clientId, message)
    if (entry !== undefined && !entry.isReleased) Object.assign(entry, { packetId, isReleased: true })
  }

  removeQueued(clientId: string, message: Message): void {
    const [session, entry] = [this.sessions.get(clientId), this.entry(clientId, message)]
    if (session !== undefined && entry !== undefined) remove(session, entry)
  }

  retain(message: Message): void {
    this.retained.delete(message.topic)
    if (message.payload.length > 0) this.retained.set(message.topic, message)
  }

  sweep(now: number): { dropped: string[]; retained: string[] } {
    const dropped: string[] = []
    for (const [clientId, session] of this.sessions) {
      for (const entry of [...session.queue]) {
        if (entry.packetId !== undefined || !isOver(entry.message, now)) continue
        remove(session, entry)
        dropped.push(lossOf(clientId, entry.message, 'expired'))
      }
    }
    const over = [...this.retained.values()].filter(message => isOver(message, now))
    for (const { topic } of over) this.retained.delete(topic)
    return { dropped: dropped.sort(), retained: over.map(({ topic }) => topic).sort() }
  }

  get queuedBytes(): number {
    const entries = [...this.sessions.values()].flatMap(({ queue }) => queue.filter(({ isReleased }) => !isReleased))
    return sum([...new Set(entries.map(({ message }) => message))].map(({ payload }) => payload.length))
  }

  get retainedBytes(): number {
    return sum([...this.retained.values()].map(({ payload }) => payload.length))
  }

  matching(filters: readonly string[], now: number): Message[] {
    const messages = [...this.retained.values()].filter(message => !isOver(message, now))
    return messages.filter(({ topic }) => filters.some(filter => filterMatches(filter, topic)))
  }

  subscribersOf(topic: string): string[] {
    return [...this.sessions].flatMap(([clientId, { subscriptions }]) =>
      [...subscriptions.values()]
        .filter(({ topic: filter, qos }) => qos > 0 && !isSharedFilter(filter) && filterMatches(filter, topic))
        .map(({ topic: filter }) => `${clientId} ${filter}`),
    )
  }

  nextDeadline(): number | undefined {
    const entries = [...this.sessions.values()].flatMap(({ queue }) => queue)
    const waiting = entries.filter(({ packetId }) => packetId === undefined).map(({ message }) => message)
    const times = [
      ...[...this.sessions.values()].map(({ expiresAt }) => expiresAt),
      ...[...this.wills.values()].map(({ dueAt }) => dueAt),
      ...[...waiting, ...this.retained.values()].map(({ messageExpiry }) => messageExpiry),
    ].filter(time => time !== undefined)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  #queueFor(message: Message, delivery: QueueDelivery, policy: QueuePolicy): Queue[] {
    const session = this.sessions.get(delivery.clientId)
    if (session === undefined || session.queue.some(entry => entry.message === message)) return []
    const sent = session.queue.filter(({ packetId }) => packetId !== undefined)
    const unsent = () => session.queue.filter(({ packetId }) => packetId === undefined).values()
    const limits = policy.limitsOf(delivery.clientId)
    return [{ delivery, session, limits, size: amountOf(session.queue), sent: amountOf(sent), unsent }]
  }

  #holding(message: Message): Entry[] {
    const entries = [...this.sessions.values()].flatMap(({ queue }) => queue)
    return entries.filter(entry => entry.message === message && !entry.isReleased)
  }
}

/** The messages of a queue, and their bytes. */
export function amountOf(queue: readonly Entry[]): { messages: number; bytes: number } {
  const bytes = sum(queue.map(({ message, isReleased }) => (isReleased ? 0 : message.payload.length)))
  return { messages: queue.length, bytes }
}

function remove(session: Session, entry: Entry): void {
  session.queue.splice(session.queue.indexOf(entry), 1)
}

function isOver({ messageExpiry }: Message, now: number): boolean {
  return messageExpiry !== undefined && messageExpiry <= now
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
