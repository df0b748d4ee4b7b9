/**
 * Lists and deletes sessions, queues and retained messages for the host. Owns the pages and their limits; must not know
 * how a session is opened.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type {
  Page,
  PageQuery,
  QueuedInfo,
  SampleOptions,
  SessionInfo,
  SessionQuery,
  SlowClient,
  SubscriptionInfo,
  SubscriptionQuery,
  TimingListener,
} from '../../../types/broker/inspection.js'
import type { Message } from '../../../types/message/message.js'
import { AnaxError, wrapError } from '../../errors.js'
import { messageOfInput } from '../../model/message.js'
import { isTopicFilter } from '../../topic/topic.js'
import type { BrokerParts } from '../parts/parts.js'
import { fits, sessionInfo } from './session-info.js'
import { findSession, type WalkParts, walkSessions } from './session-walk.js'
import { slowest } from './slow-clients.js'
import { subscriptionsOf } from './subscription-info.js'
import { sampleTimings } from './timing-samples.js'

/**
 * Maximum number of sessions examined for one page. A page that reaches it ends before it is full, so that the event
 * loop is not blocked.
 */
const MAX_LOOKED_AT = 20_000

/** Items processed before yielding to the event loop. */
const SLICE = 200

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000

export class Inspection {
  readonly #parts: BrokerParts
  readonly #walk: WalkParts

  constructor(parts: BrokerParts) {
    this.#parts = parts
    const { store, connected, now } = parts
    this.#walk = { store, connected, now }
  }

  async sessions({ filter = {}, ...query }: SessionQuery): Promise<Page<SessionInfo>> {
    const limit = limitOf(query)
    const items: SessionInfo[] = []
    const { prefix = '', connected } = filter
    let lookedAt = 0
    for await (const found of this.#sessions(query.after, prefix, connected)) {
      if (fits(found, filter)) items.push(await this.#read(() => sessionInfo(found, this.#parts.store)))
      if (items.length === limit || ++lookedAt === MAX_LOOKED_AT) return { items, next: found.clientId }
    }
    return { items, next: undefined }
  }

  async session(clientId: string): Promise<SessionInfo | undefined> {
    return this.#read(async () => {
      const found = await findSession(this.#walk, clientId)
      return found && sessionInfo(found, this.#parts.store)
    })
  }

  async subscriptions({ clientId, ...query }: SubscriptionQuery): Promise<Page<SubscriptionInfo>> {
    const limit = limitOf(query)
    const items: SubscriptionInfo[] = []
    const start = cursorOf(query)
    let lookedAt = 0
    for await (const found of this.#holders(clientId, start?.clientId)) {
      const behind = start?.clientId === found.clientId ? start.topic : undefined
      for (const subscription of subscriptionsOf(found, query)) {
        if (behind !== undefined && subscription.topic <= behind) continue
        items.push(subscription)
        if (items.length === limit) return { items, next: cursor(subscription) }
      }
      // all subscriptions of this session were examined: no filter sorts after this one
      if (++lookedAt === MAX_LOOKED_AT) return { items, next: cursor({ clientId: found.clientId, topic: '\uffff' }) }
    }
    return { items, next: undefined }
  }

  slowClients(limit: number): SlowClient[] {
    return slowest(this.#parts.congestion.waiting, limit)
  }

  sampleTimings(listener: TimingListener, options: SampleOptions): () => void {
    return sampleTimings(this.#parts.timings, listener, options)
  }

  /** The queued messages of a client, in the expected order of delivery. */
  async *queued(clientId: string): AsyncGenerator<QueuedInfo, void, undefined> {
    const session = this.#parts.connected.ownerOf(clientId)?.session
    if (session === undefined || session.stored) yield* this.#queuedInStore(clientId)
    for (const { message, qos, retain } of session?.backlog ?? []) {
      yield { message, qos, retain, packetId: undefined, stored: false }
    }
  }

  async *#queuedInStore(clientId: string): AsyncGenerator<QueuedInfo, void, undefined> {
    for await (const entry of this.#items(this.#parts.store.queued(clientId))) {
      const { qos, retain } = entry.delivery
      if (entry.isRemoved !== true)
        yield { message: entry.message, qos, retain, packetId: entry.packetId, stored: true }
    }
  }

  async *retained(filter: string): AsyncGenerator<Message, void, undefined> {
    if (!isTopicFilter(filter)) throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `not a topic filter: ${filter}` })
    yield* this.#items(this.#parts.store.retained([filter]))
  }

  /** Reads all topics before deleting any, because not every store can be iterated while it changes. */
  async deleteRetained(filter: string): Promise<number> {
    const { store, own, cluster } = this.#parts
    const found: Message[] = []
    for await (const message of this.retained(filter)) found.push(message)
    let deleted = 0
    for (const message of found) {
      const nothing = messageOfInput({ topic: message.topic, retain: true }, Number.POSITIVE_INFINITY)
      await this.#read(async () => (cluster === undefined ? store.storeRetained(nothing) : own.publish(nothing)))
      if (++deleted % SLICE === 0) await nextTurn()
    }
    return deleted
  }

  deleteSession(clientId: string): Promise<boolean> {
    const { sessions, connected, authorizer, events } = this.#parts
    const deleted = this.#read(() => sessions.delete(clientId))
    const client = connected.byId[clientId]
    if (client === undefined || !authorizer.isAsking(client)) return deleted
    // the caller may be a hook of this client: the session ends once that hook has answered
    deleted.catch(error => events.emit('storeError', error))
    return Promise.resolve(true)
  }

  #sessions(after: string | undefined, prefix: string, connected: boolean | undefined) {
    return this.#items(walkSessions(this.#walk, { after, prefix, connected }))
  }

  /** The sessions whose subscriptions are requested, starting with `from`. */
  async *#holders(clientId: string | undefined, from: string | undefined) {
    const first = clientId ?? from
    const found = first === undefined ? undefined : await this.#read(() => findSession(this.#walk, first))
    if (found !== undefined) yield found
    if (clientId === undefined) yield* this.#sessions(from, '', undefined)
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read()
    } catch (error) {
      throw wrapError('ANAX_ERR_STORE', error)
    }
  }

  /**
   * Iterates items of the store and yields to the event loop at intervals, because a synchronous iterator would block
   * it.
   */
  async *#items<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    let taken = 0
    try {
      for await (const item of items) {
        yield item
        if (++taken % SLICE === 0) await nextTurn()
      }
    } catch (error) {
      throw wrapError('ANAX_ERR_STORE', error)
    }
  }
}

function limitOf({ limit = DEFAULT_LIMIT }: PageQuery): number {
  if (Number.isInteger(limit) && limit > 0 && limit <= MAX_LIMIT) return limit
  throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `limit: an integer from 1 to ${MAX_LIMIT}, not ${limit}` })
}

interface SubscriptionCursor {
  clientId: string
  topic: string
}

function cursor({ clientId, topic }: SubscriptionCursor): string {
  return JSON.stringify([clientId, topic])
}

function cursorOf({ after }: PageQuery): SubscriptionCursor | undefined {
  if (after === undefined) return undefined
  try {
    const [clientId, topic] = JSON.parse(after) as unknown[]
    if (typeof clientId === 'string' && typeof topic === 'string') return { clientId, topic }
  } catch {}
  throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `after: the 'next' of the page before, not ${after}` })
}
