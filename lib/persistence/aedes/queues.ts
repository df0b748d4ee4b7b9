/**
 * The queues of sessions in a store that has only the contract of `aedes-persistence`. The contract allows one record
 * for all sessions that a message is queued for, with the packet id of only one session; so each session's copy gets
 * its own identity here. Owns the calls of the contract's queue methods and their order; must not know sessions.
 */
import type { Message } from '../../../types/message/message.js'
import type {
  AedesPersistence,
  MessageRef,
  QueueDelivery,
  QueuedMessage,
  SentCopy,
} from '../../../types/persistence.js'
import { refKey } from '../../model/message.js'
import { Recent } from '../../util/collections/recent.js'
import type { Timers } from '../../util/scheduling/timers.js'
import { Turns } from '../../util/scheduling/turns.js'
import { entryOf, identityOf, packetOf, type StoredEntry } from './entries.js'
import { ForeignAdditions } from './foreign.js'

/** The contract finds queue entries only by packet id: an entry that was never sent gets an id that no packet has. */
const FIRST_PRIVATE_ID = 65_536

/** How long the adapter remembers that a queue has a message before it asks the store. */
const KNOWN = { periodMs: 15_000, capacity: 50_000 }

/** A store that limits the entries of a read returns at least this many, so a shorter queue is complete. */
const LEAST_LIMIT = 100

/** Entries that are removed in parallel when a queue is deleted. */
const AT_A_TIME = 100

/** Minimum number of releases after which a queue is read, because some stores delete released entries only then. */
const TIDY_AFTER = 100

/** A queue that was read to its visible end, although the store may not have returned all of it. */
interface Backlog {
  /** The number of removals until the queue is read again; 0 if that is due. */
  removals: number
}

/** An entry of a queue, and the form in which the store has it. */
interface ReadEntry {
  readonly entry: QueuedMessage
  readonly stored: StoredEntry
}

/** Removals from a queue since the first use of its session. */
interface Removals {
  begun: number
  finished: number
}

/** Released messages that were removed since the queue was read, and the number after which it is read again. */
interface Leftovers {
  removed: number
  readAfter: number
}

export class AedesQueues {
  readonly #store: AedesPersistence
  readonly #more: (clientId: string) => void
  /** Serializes operations for each packet id of a client: an id may be reused as soon as its removal has begun. */
  readonly #turns = new Turns()
  readonly #known: Recent<true>
  /** Messages that were sent without being in a queue, by client and packet id. */
  readonly #absent = new Set<string>()
  /** The same for released messages. */
  readonly #released = new Set<string>()
  /** Entries that other software wrote, with the message's own identity. */
  readonly #shared = new Set<string>()
  /** Client -> messages that are being appended to its queue. */
  readonly #appending = new Map<string, Set<Promise<unknown>>>()
  /** Clients whose sessions have ended: a message that matched earlier must not create a queue that nobody reads. */
  readonly #ended: Recent<true>
  readonly #removals = new Map<string, Removals>()
  readonly #backlogs = new Map<string, Backlog>()
  /** Pending reads. */
  readonly #reads = new Set<Promise<unknown>>()
  readonly #leftovers = new Map<string, Leftovers>()
  readonly #foreign = new ForeignAdditions({
    read: async clientId => {
      const entries = await this.read(clientId)
      return { entries, mayHaveMore: entries.length >= Math.max(this.#mostShown, LEAST_LIMIT) }
    },
    append: (message, deliveries) => this.append(message, deliveries),
    present: (clientId, ref) => this.#known.set(keyOf(clientId, ref), true),
  })
  #privateId = FIRST_PRIVATE_ID
  /**
   * The largest number of entries that the store has returned for one queue. A store with a limit never returns more.
   */
  #mostShown = 0

  /** @param more called when a client's queue may have more entries than were visible so far */
  constructor(store: AedesPersistence, timers: Timers, more: (clientId: string) => void) {
    this.#store = store
    this.#more = more
    this.#known = new Recent(timers, KNOWN)
    this.#ended = new Recent(timers, KNOWN)
  }

  /** Called when a session begins or resumes. */
  open(clientId: string): void {
    this.#ended.delete(clientId)
  }

  /** Adds a message of this broker, after waiting messages of other brokers. */
  addOwn(message: Message, deliveries: readonly QueueDelivery[]): Promise<void> {
    return this.#foreign.isIdle ? this.append(message, deliveries) : this.#foreign.add(message, deliveries)
  }

  /** Adds a message of another broker to the queues that do not have it: the brokers may share the store. */
  addForeign(message: Message, deliveries: readonly QueueDelivery[]): Promise<void> {
    return this.#foreign.add(message, deliveries)
  }

  async append(message: Message, deliveries: readonly QueueDelivery[]): Promise<void> {
    await Promise.all(deliveries.map(delivery => this.#append(message, delivery)))
  }

  /** Reads a queue, sent messages first. Not all stores keep that order. */
  async read(clientId: string): Promise<QueuedMessage[]> {
    return (await this.#entries(clientId)).map(({ entry }) => entry)
  }

  /** Reads all entries, even if the store returns only some at a time. */
  async *queued(clientId: string): AsyncGenerator<QueuedMessage> {
    const isDue = this.#backlogs.get(clientId)?.removals === 0
    const seen = new Set<string>()
    let hasUnsent = false
    for (;;) {
      const removedBefore = this.#removalsOf(clientId).finished
      const entries = await this.read(clientId)
      const unseen = entries.filter(({ ref }) => !seen.has(refKey(ref)))
      if (unseen.length === 0) {
        const gone = this.#removalsOf(clientId).begun - removedBefore
        if (this.#isEnd(clientId, entries.length, gone, isDue && !hasUnsent)) return
      }
      hasUnsent ||= unseen.some(({ packetId }) => packetId === undefined)
      for (const entry of unseen) {
        const key = refKey(entry.ref)
        // two brokers may both have added it, if the second did not see that the queue already had it
        if (seen.has(key)) continue
        seen.add(key)
        this.#known.set(keyOf(clientId, entry.ref), true)
        yield entry
      }
    }
  }

  /** Reads the sent messages, and writes their packet ids again: some stores keep those in memory only. */
  async *inflight(clientId: string): AsyncGenerator<QueuedMessage> {
    this.#backlogs.delete(clientId)
    for (const { entry, stored } of await this.#entries(clientId)) {
      const { packetId } = entry
      if (packetId === undefined) continue
      await this.#inTurn(clientId, packetId, () => this.#update(clientId, stored))
      if (entry.message === undefined) this.#released.add(packetKey(clientId, packetId))
      yield entry
    }
  }

  async markSent(clientId: string, ref: MessageRef, packetId: number, copy: SentCopy): Promise<void> {
    this.#foreign.noteSent(clientId, ref)
    await this.#inTurn(clientId, packetId, async () => {
      if (await this.#has(clientId, ref)) await this.#markSent(clientId, ref, packetId, copy)
      else this.#absent.add(packetKey(clientId, packetId))
    })
  }

  /** Includes the number: without it, the store in memory would confuse releases, which have no broker id. */
  async markReleased(clientId: string, { brokerCounter }: MessageRef, packetId: number): Promise<void> {
    await this.#inTurn(clientId, packetId, async () => {
      if (this.#absent.has(packetKey(clientId, packetId))) return
      await this.#update(clientId, { cmd: 'pubrel', messageId: packetId, brokerCounter })
      this.#released.add(packetKey(clientId, packetId))
    })
  }

  async remove(clientId: string, ref: MessageRef, packetId?: number, copy?: SentCopy): Promise<void> {
    if (packetId === undefined) {
      if (copy !== undefined && (await this.#has(clientId, ref))) await this.#removeUnsent(clientId, ref, copy)
      return
    }
    await this.#inTurn(clientId, packetId, async () => {
      if (this.#absent.delete(packetKey(clientId, packetId))) return
      await this.#take(clientId, packetId)
      this.#forget(clientId, ref)
      if (this.#released.delete(packetKey(clientId, packetId))) this.#noteLeftover(clientId)
    })
    await this.#tidyNow(clientId)
  }

  /** Called when a session ends: nothing more is added, and the queue is deleted. */
  async clear(clientId: string): Promise<void> {
    this.#ended.set(clientId, true)
    this.#backlogs.delete(clientId)
    await Promise.allSettled([...(this.#appending.get(clientId) ?? [])])
    const seen = new Set<string>()
    for (;;) {
      const entries = (await this.#entries(clientId)).filter(({ entry }) => !seen.has(refKey(entry.ref)))
      if (entries.length === 0) break
      for (let i = 0; i < entries.length; i += AT_A_TIME) {
        const removed = entries.slice(i, i + AT_A_TIME).map(({ entry, stored }) => {
          seen.add(refKey(entry.ref))
          return this.#removeEntry(clientId, entry, stored)
        })
        await Promise.all(removed)
      }
    }
    this.#removals.delete(clientId)
    this.#leftovers.delete(clientId)
  }

  /** Reads the queue, because some stores delete released entries only then. */
  async tidy(clientId: string): Promise<void> {
    if (!this.#leftovers.delete(clientId)) return
    await this.#entries(clientId)
  }

  async #append(message: Message, delivery: QueueDelivery): Promise<void> {
    const { clientId } = delivery
    if (this.#ended.get(clientId)) return
    const brokerId = identityOf(message.brokerId, clientId)
    const packet = { ...packetOf({ ...delivery, message }), brokerId }
    const appended = Promise.resolve(this.#store.outgoingEnqueue({ clientId }, packet))
    const appending = this.#appending.get(clientId) ?? new Set()
    this.#appending.set(clientId, appending.add(appended))
    try {
      await appended
      this.#known.set(keyOf(clientId, message), true)
    } finally {
      appending.delete(appended)
      if (appending.size === 0) this.#appending.delete(clientId)
    }
  }

  /** Resolves when nothing is read or added any more. */
  async idle(): Promise<void> {
    await this.#foreign.idle()
    while (this.#reads.size > 0) await Promise.allSettled([...this.#reads])
  }

  async #entries(clientId: string): Promise<ReadEntry[]> {
    const read = this.#readEntries(clientId)
    this.#reads.add(read)
    try {
      return await read
    } finally {
      this.#reads.delete(read)
    }
  }

  async #readEntries(clientId: string): Promise<ReadEntry[]> {
    const sent: ReadEntry[] = []
    const waiting: ReadEntry[] = []
    for await (const stored of this.#store.outgoingStream({ id: clientId })) {
      const { entry, isShared } = entryOf(clientId, stored)
      const key = keyOf(clientId, entry.ref)
      if (isShared && entry.message !== undefined) this.#shared.add(key)
      if (entry.packetId === undefined) waiting.push({ entry, stored })
      else sent.push({ entry, stored })
    }
    this.#mostShown = Math.max(this.#mostShown, sent.length + waiting.length)
    return [...sent, ...waiting]
  }

  /** Whether a queue has a message. A message that only passed over the bus was never queued here. */
  async #has(clientId: string, ref: MessageRef): Promise<boolean> {
    const key = keyOf(clientId, ref)
    if (this.#known.get(key)) return true
    return (await this.read(clientId)).some(entry => keyOf(clientId, entry.ref) === key)
  }

  async #markSent(clientId: string, ref: MessageRef, packetId: number, copy: SentCopy): Promise<void> {
    const isShared = this.#shared.has(keyOf(clientId, ref))
    const brokerId = isShared ? ref.brokerId : identityOf(ref.brokerId, clientId)
    await this.#update(clientId, { ...packetOf(copy), brokerId, messageId: packetId })
  }

  async #removeUnsent(clientId: string, ref: MessageRef, copy: SentCopy): Promise<void> {
    const messageId = this.#privateId++
    await this.#markSent(clientId, ref, messageId, copy)
    await this.#take(clientId, messageId)
    this.#forget(clientId, ref)
  }

  /** Processes an entry that was read. The store is told about it again, because it may not remember the packet id. */
  async #removeEntry(clientId: string, { ref, packetId }: QueuedMessage, stored: StoredEntry): Promise<void> {
    const messageId = packetId ?? this.#privateId++
    await this.#inTurn(clientId, messageId, async () => {
      await this.#update(clientId, { ...stored, messageId })
      await this.#take(clientId, messageId)
      this.#forget(clientId, ref)
    })
  }

  async #take(clientId: string, messageId: number): Promise<void> {
    const removals = this.#removalsOf(clientId)
    const backlog = this.#backlogs.get(clientId)
    removals.begun++
    try {
      await this.#store.outgoingClearMessageId({ id: clientId }, { messageId })
    } finally {
      removals.finished++
      if (backlog !== undefined) this.#noteRemoval(clientId, backlog)
    }
  }

  #removalsOf(clientId: string): Removals {
    const known = this.#removals.get(clientId)
    if (known !== undefined) return known
    const removals = { begun: 0, finished: 0 }
    this.#removals.set(clientId, removals)
    return removals
  }

  async #update(clientId: string, packet: StoredEntry): Promise<void> {
    try {
      // a copy, because some stores modify it
      await this.#store.outgoingUpdate({ id: clientId }, { ...packet })
    } catch (error) {
      if (!isUnknown(error)) throw error
    }
  }

  #forget(clientId: string, ref: MessageRef): void {
    const key = keyOf(clientId, ref)
    this.#known.delete(key)
    this.#shared.delete(key)
  }

  #inTurn(clientId: string, packetId: number, step: () => Promise<void>): Promise<void> {
    return this.#turns.take(packetKey(clientId, packetId), step)
  }

  /**
   * Called at the end of the visible entries. A store that limits them returns the same number for every long queue, so
   * a shorter queue is complete. In a longer one, more may become visible after removals.
   * @param gone maximum number of entries that were removed during the read
   * @param isComplete whether removals have made nothing visible that was not sent before
   */
  #isEnd(clientId: string, entries: number, gone: number, isComplete: boolean): boolean {
    this.#backlogs.delete(clientId)
    if (isComplete || entries + gone === 0 || entries + gone < this.#mostShown) return true
    const left = entries - gone
    if (left <= 0) return false
    this.#backlogs.set(clientId, { removals: Math.ceil(left / 2) })
    return true
  }

  /** @param backlog that of the queue when the removal began; a later one already includes it */
  #noteRemoval(clientId: string, backlog: Backlog): void {
    const isCurrent = backlog === this.#backlogs.get(clientId)
    if (isCurrent && backlog.removals > 0 && --backlog.removals === 0) this.#more(clientId)
  }

  #noteLeftover(clientId: string): void {
    const leftovers = this.#leftovers.get(clientId)
    if (leftovers !== undefined) leftovers.removed++
    else this.#leftovers.set(clientId, { removed: 1, readAfter: TIDY_AFTER })
  }

  /** Reads long queues less often, because the cost is proportional to the length. */
  async #tidyNow(clientId: string): Promise<void> {
    const leftovers = this.#leftovers.get(clientId)
    if (leftovers === undefined || leftovers.removed < leftovers.readAfter) return
    leftovers.removed = 0
    const { length } = await this.#entries(clientId)
    leftovers.readAfter = Math.max(TIDY_AFTER, 2 * length)
  }
}

function keyOf(clientId: string, ref: MessageRef): string {
  return `${refKey(ref)} ${clientId}`
}

function packetKey(clientId: string, packetId: number): string {
  return `${packetId} ${clientId}`
}

/** Whether an error of the store means that it does not know the entry or the packet id. */
function isUnknown(error: unknown): boolean {
  return error instanceof Error && ['no such packet', 'unknown key'].includes(error.message)
}
