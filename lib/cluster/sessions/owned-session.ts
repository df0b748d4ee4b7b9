/**
 * The state of a session that this node owns: its settings, its messages in flight, and its positions in the log. Owns
 * the encoding of this state as records; does no I/O.
 */
import type { Claim, LogCursor, LogPosition } from '../../../types/cluster.js'
import type { Message } from '../../../types/message/message.js'
import type {
  MessageRef,
  QueueDelivery,
  SessionDetails,
  StoredSession,
  StoredSubscription,
  StoredWill,
} from '../../../types/persistence.js'
import { grantedQoS, grantedRetain, grantOf, mergeGrants } from '../../model/grant.js'
import { refKey } from '../../model/message.js'
import { filterMatches, isSharedFilter } from '../../topic/topic.js'
import { LogBacklog } from './log-backlog.js'
import { bytesOf, contentOf } from './record-bytes.js'

/** A subscription, and the position in the log from which it applies. */
interface OwnedSubscription {
  readonly subscription: StoredSubscription
  readonly since: LogCursor
}

/** The messages of the log that arrive at this node. */
export interface BroughtFilters {
  /** The position after which all messages of a filter arrive; undefined while the filter is not read. */
  since(filter: string): LogCursor | undefined
  /** The last message of a shard that has arrived; 0 if none has. */
  arrived(shard: number): number
}

/** A read of the log on behalf of the session. */
export interface LogRead {
  readonly ends: LogCursor
  /** Messages that were read, and not sent or dropped yet. */
  readonly waiting: Set<string>
  isComplete: boolean
}

/** A message that was sent and is not finished. */
export interface SentEntry {
  readonly ref: MessageRef
  readonly packetId: number
  readonly delivery: QueueDelivery
  /** Whether PUBREC was received. */
  released: boolean
}

/** A message that is stored in the session instead of the log. */
export interface OwnEntry {
  readonly message: Message
  readonly delivery: QueueDelivery
}

/** The stored settings of a session, without its subscriptions. */
export interface SessionSettings {
  expiryInterval: number
  /** As of the last release: while its client is connected, only the claim tells so. */
  expiresAt?: number | undefined
  details?: SessionDetails | undefined
}

/** The record `s`: settings that change rarely and, after the last release, the whole state. */
interface Settings {
  session?: SessionSettings
  subscriptions?: [StoredSubscription, LogCursor][]
  will?: { will: StoredWill; dueAt?: number | undefined }
  keepAt?: number | undefined
  progress?: Progress
}

/** State that changes with each message: the record `c` while a client is connected, otherwise a part of `s`. */
interface Progress {
  /** Of two, the one with the higher version is valid. */
  version: number
  cursor: LogCursor
  sent: [MessageRef, number, QueueDelivery, boolean][]
  incoming: number[]
}

/** The broker id of messages that are stored in the session. */
export const OWN = 'own'
const LOG = 'log'

/** The reference of a message of the log. */
export function refOf({ shard, sequence }: LogPosition): MessageRef {
  return { brokerId: `${LOG}${shard}`, brokerCounter: sequence }
}

/** The log position of a message; undefined if it is not from the log. */
export function positionOf({ brokerId, brokerCounter }: MessageRef): LogPosition | undefined {
  return brokerId.startsWith(LOG) ? { shard: Number(brokerId.slice(LOG.length)), sequence: brokerCounter } : undefined
}

export class OwnedSession {
  readonly claim: Claim
  session: SessionSettings | undefined
  will: Settings['will']
  readonly subscriptions = new Map<string, OwnedSubscription>()
  /** By {@link refKey}. */
  readonly sent = new Map<string, SentEntry>()
  readonly incoming = new Set<number>()
  /** By number. */
  readonly own = new Map<number, OwnEntry>()
  /** For each shard, the position up to which all messages were sent or dropped. */
  readonly cursor: number[]
  /** For each shard, the position up to which all messages were sent or dropped on this connection. */
  readonly readUpTo: number[]
  /** For each shard, the cached result of {@link isLive} if it is true; reset when the session subscribes. */
  #live: boolean[] = []
  /** The messages that wait in the log while its client is connected. */
  readonly backlog = new LogBacklog()
  /** The current read of the log, or the last one. */
  #read: LogRead | undefined
  /** Whether there are unread messages that its client missed. */
  isBehind = true
  /** When missed messages must be copied into it. */
  keepAt: number | undefined
  /** Whether it has records in the engine. */
  hasRecords = false
  /** Whether the record `c` is one of them. */
  hasProgressRecord = false
  #progressVersion = 0
  #lastOwn = 0

  constructor(claim: Claim, shards: number, records: ReadonlyMap<string, Uint8Array>) {
    this.claim = claim
    this.cursor = Array.from({ length: shards }, () => 0)
    this.readUpTo = Array.from({ length: shards }, () => -1)
    this.hasRecords = records.size > 0
    for (const [name, bytes] of records) this.#restore(name, bytes)
  }

  /** @param since the position in the log from which it applies */
  subscribe(subscription: StoredSubscription, since: LogCursor): void {
    this.subscriptions.set(subscription.topic, { subscription, since })
    this.#live = []
  }

  /**
   * Whether messages of a shard may be sent as they arrive: the session has read the log up to the position from which
   * all its filters are read by this node. A filter that is not read yet delays the others, because they would move the
   * session's position past messages of that filter.
   */
  isLive(shard: number, brought: BroughtFilters): boolean {
    this.#live[shard] ||= this.#hasReadUpTo(shard, brought)
    return this.#live[shard]
  }

  #hasReadUpTo(shard: number, brought: BroughtFilters): boolean {
    for (const { subscription } of this.subscriptions.values()) {
      if (!isInLog(subscription)) continue
      const since = brought.since(subscription.topic)
      if (since === undefined || this.readUpTo[shard]! < since[shard]!) return false
    }
    return true
  }

  /**
   * The position up to which it must read the log, by shard: all later messages of its filters arrive at this node.
   * Undefined if one of the filters is not read yet.
   */
  missesUpTo(brought: BroughtFilters): LogCursor | undefined {
    const ends = this.cursor.map((_, shard) => brought.arrived(shard))
    for (const { subscription } of this.subscriptions.values()) {
      if (!isInLog(subscription)) continue
      const since = brought.since(subscription.topic)
      if (since === undefined) return undefined
      for (const [shard, sequence] of since.entries()) ends[shard] = Math.max(ends[shard]!, sequence)
    }
    return ends
  }

  /** The session in the form of the store contract. */
  toStored(): StoredSession | undefined {
    if (this.session === undefined) return undefined
    const { expiryInterval, expiresAt, details } = this.session
    return {
      clientId: this.claim.clientId,
      expiryInterval,
      expiresAt,
      details,
      subscriptions: [...this.subscriptions.values()].map(({ subscription }) => ({ ...subscription })),
      incoming: [...this.incoming],
    }
  }

  /**
   * Marks it as ended by the failure of its node, which has not written when the client left.
   * @param keepAt when missed messages are copied
   */
  useEnded(keepAt: number | undefined): void {
    if (this.session !== undefined) this.session.expiresAt = undefined
    this.keepAt = keepAt
  }

  /** The record `s`. */
  settingsRecord(): Uint8Array | undefined {
    const { session, will, keepAt } = this
    if (session === undefined && will === undefined) return undefined
    const subscriptions = [...this.subscriptions.values()].map(
      ({ subscription, since }): [StoredSubscription, LogCursor] => [subscription, since],
    )
    const settings: Settings = {
      ...(session && { session, subscriptions, keepAt, progress: this.#progress() }),
      ...(will && { will }),
    }
    return bytesOf(settings)
  }

  /** The record `c`, to be written; undefined for a session that ends with its connection. */
  progressRecord(): Uint8Array | undefined {
    if (this.session === undefined) return undefined
    this.hasProgressRecord = true
    return bytesOf(this.#progress())
  }

  #progress(): Progress {
    return {
      version: ++this.#progressVersion,
      cursor: this.cursor,
      sent: [...this.sent.values()].map(({ ref, packetId, delivery, released }) => [ref, packetId, delivery, released]),
      incoming: [...this.incoming],
    }
  }

  /** The filters of its messages in the log. */
  get filters(): string[] {
    return [...this.subscriptions.values()]
      .filter(({ subscription }) => isInLog(subscription))
      .map(({ subscription }) => subscription.topic)
  }

  /** The session's copy of a message of the log; undefined if no subscription matches. */
  deliveryOf(message: Message, { shard, sequence }: LogPosition): QueueDelivery | undefined {
    const { clientId } = this.claim
    const grants = [...this.subscriptions.values()]
      .filter(({ subscription, since }) => {
        if (!isInLog(subscription) || sequence <= (since[shard] ?? 0)) return false
        const { topic, nl } = subscription
        return !(nl === true && message.clientId === clientId) && filterMatches(topic, message.topic)
      })
      .map(({ subscription }) => grantOf(subscription))
    const first = grants[0]
    if (first === undefined || message.qos === 0) return undefined
    const grant = grants.slice(1).reduce(mergeGrants, first)
    const { subscriptionIdentifiers } = grant
    const retain = grantedRetain(message, grant)
    return { clientId, qos: grantedQoS(message, grant), retain, subscriptionIdentifiers, share: undefined }
  }

  /** Whether a message of the log was sent, or dropped. */
  isDone({ shard, sequence }: LogPosition): boolean {
    return sequence <= this.cursor[shard]!
  }

  /** Notes that a message was sent or dropped, and all before it in its shard. */
  advance(ref: MessageRef): void {
    const position = positionOf(ref)
    if (position === undefined) return
    this.advanceTo(position.shard, position.sequence)
    this.#read?.waiting.delete(refKey(ref))
    this.#finishRead()
  }

  /** Whether its place in each shard is there, or further. */
  isPast(ends: LogCursor): boolean {
    return ends.every((end, shard) => this.cursor[shard]! >= end)
  }

  /** Begins to read the log up to a position; an earlier read is abandoned. */
  beginRead(ends: LogCursor): LogRead {
    this.#read = { ends, waiting: new Set(), isComplete: false }
    return this.#read
  }

  /** Ends a read. Messages that still wait to be sent may be read again. */
  endRead(read: LogRead): void {
    read.isComplete = true
    if (this.#read === read) this.#finishRead()
  }

  #finishRead(): void {
    const read = this.#read
    if (read === undefined || !read.isComplete || read.waiting.size > 0) return
    this.#read = undefined
    for (const [shard, end] of read.ends.entries()) {
      this.advanceTo(shard, end)
      this.readUpTo[shard] = Math.max(this.readUpTo[shard]!, end)
    }
  }

  /** Notes that all messages up to here were sent or dropped, or are not for it. */
  skipTo(cursor: LogCursor): void {
    for (const [shard, sequence] of cursor.entries()) this.advanceTo(shard, sequence)
  }

  advanceTo(shard: number, sequence: number): void {
    this.cursor[shard] = Math.max(this.cursor[shard]!, sequence)
    this.backlog.advance(shard, sequence)
  }

  markSent(ref: MessageRef, packetId: number, delivery: QueueDelivery): void {
    this.advance(ref)
    // `ref` may be the message itself: copy the two fields
    const { brokerId, brokerCounter } = ref
    this.sent.set(refKey(ref), { ref: { brokerId, brokerCounter }, packetId, delivery, released: false })
  }

  /** Stores a message in the session. @returns the name of its record */
  addOwn(message: Message, delivery: QueueDelivery): string {
    const number = ++this.#lastOwn
    message.brokerId = OWN
    message.brokerCounter = number
    this.own.set(number, { message, delivery })
    return `x${number}`
  }

  /** Removes a message that is stored in the session. @returns the name of its record, if there is one */
  removeOwn({ brokerId, brokerCounter }: MessageRef): string | undefined {
    return brokerId === OWN && this.own.delete(brokerCounter) ? `x${brokerCounter}` : undefined
  }

  /** The next deadline of the session while its client is disconnected. */
  nextDeadline(): number | undefined {
    const ofSession = this.session && [this.session.expiresAt, this.keepAt]
    const times = [...(ofSession ?? []), this.will?.dueAt].filter(at => at !== undefined)
    return times.length > 0 ? Math.min(...times) : undefined
  }

  /** The names of all its possible records. */
  get recordNames(): string[] {
    return ['s', 'c', ...[...this.own.keys()].map(number => `x${number}`)]
  }

  #restore(name: string, bytes: Uint8Array): void {
    if (name === 's') {
      const { session, subscriptions = [], will, keepAt, progress } = contentOf<Settings>(bytes)
      this.session = session
      this.keepAt = keepAt
      this.will = will
      for (const [subscription, since] of subscriptions) {
        this.subscriptions.set(subscription.topic, { subscription, since })
      }
      if (progress !== undefined) this.#restoreProgress(progress)
    } else if (name === 'c') {
      this.hasProgressRecord = true
      this.#restoreProgress(contentOf<Progress>(bytes))
    } else if (name.startsWith('x')) {
      const number = Number(name.slice(1))
      this.#lastOwn = Math.max(this.#lastOwn, number)
      this.own.set(number, contentOf<OwnEntry>(bytes))
    }
  }

  #restoreProgress({ version, cursor, sent, incoming }: Progress): void {
    if (version <= this.#progressVersion) return
    this.#progressVersion = version
    this.skipTo(cursor)
    this.sent.clear()
    this.incoming.clear()
    for (const [ref, packetId, delivery, released] of sent) {
      this.sent.set(refKey(ref), { ref, packetId, delivery, released })
    }
    for (const packetId of incoming) this.incoming.add(packetId)
  }
}

/** Whether the session reads the log for a subscription. */
function isInLog({ qos, topic }: StoredSubscription): boolean {
  return qos > 0 && !isSharedFilter(topic)
}

/** The record of a message that is stored in the session. */
export function ownRecord({ message, delivery }: OwnEntry): Uint8Array {
  const { cmd, brokerId, brokerCounter, topic, payload, qos, retain, clientId, properties, messageExpiry } = message
  const plain = { cmd, brokerId, brokerCounter, topic, payload, qos, retain, clientId, properties, messageExpiry }
  return bytesOf({ message: { ...plain, dup: false }, delivery })
}
