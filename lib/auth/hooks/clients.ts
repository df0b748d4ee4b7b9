/**
 * The clients of an `Auth`: checked again when something changes, and disconnected when their identity expires. Owns
 * which clients are connected; two functions decide what they may do.
 */
import timers from 'node:timers'
import type { Client, DisconnectOptions } from '../../../types/client/client.js'
import type { ClientLimits } from '../../../types/client/limits.js'
import type { Clock } from '../../../types/clock.js'
import { ReasonCode } from '../../index.js'
import { type Subject, subjectOf } from '../identity.js'

// that of Node.js itself: fake timers of test runners replace the global one
const { setImmediate } = timers

/** The verdicts about one client, valid until something changes. */
export interface Entry {
  readonly client: Client
  readonly subject: Subject
  /** The subject's version and the generation of rules for which the verdicts are valid. */
  version: number
  generation: number
  /** The generation in which the client began to connect; its credentials were checked with the rules of that time. */
  readonly since: number
  readonly mayPublish: Map<string, boolean>
  readonly mayReceive: Map<string, boolean>
  /** Filters that are being subscribed, each with the state in which it was granted. */
  granted: Map<string, string> | undefined
  /** Filters that were granted once and are no longer: messages queued for them are not sent. */
  readonly withdrawn: Set<string>
}

export interface ClientsOptions {
  clock: Clock
  /** Whether the client may stay. */
  mayStay(entry: Entry): Promise<boolean>
  /** Its limits. */
  limitsOf(entry: Entry): ClientLimits | undefined
  /** Whether it may keep a subscription. */
  mayKeep(entry: Entry, filter: string): Promise<boolean>
  /** Receives errors in the background. */
  failed(error: unknown): void
}

/** Maximum number of cached verdicts for one client and action; beyond it, all are dropped. */
const MAX_VERDICTS = 1000

/** Clients that are checked in one step, before yielding to the event loop. */
const SLICE = 100

/**
 * Maximum number of disconnected clients that are remembered while their wills wait. For others, the identity stored
 * with the will counts.
 */
const MAX_DISCONNECTED = 10_000

/** Longest delay of a Node.js timer. */
const MAX_TIMER_MS = 0x7fff_ffff

export class Clients {
  /** Incremented with each change; verdicts of an earlier generation are invalid. */
  generation = 0
  readonly #options: ClientsOptions
  readonly #entries = new WeakMap<Client, Entry>()
  readonly #present = new Set<Entry>()
  readonly #disconnected = new Map<string, Subject>()
  readonly #timers = new Map<Entry, unknown>()
  #review: Promise<void> | undefined
  #closed = false

  constructor(options: ClientsOptions) {
    this.#options = options
  }

  /** The record of a client, without verdicts that are no longer valid. */
  entry(client: Client): Entry {
    const entry = this.#entries.get(client) ?? this.#add(client)
    if (entry.generation !== this.generation || entry.version !== entry.subject.version) {
      entry.generation = this.generation
      entry.version = entry.subject.version
      entry.mayPublish.clear()
      entry.mayReceive.clear()
    }
    return entry
  }

  /** The identity of a disconnected client whose will is being published. */
  departed(client: Client): Subject | undefined {
    return this.#entries.get(client)?.subject ?? this.#disconnected.get(client.id)
  }

  /** Sets or resets the time when the identity of a client expires. */
  expire(entry: Entry): void {
    this.#stop(entry)
    const { expiresAt } = entry.subject.identity
    // a client that disconnected during the check has nothing to end
    if (expiresAt === undefined || this.#closed || entry.client.closed) return
    const { clock } = this.#options
    const wait = Math.min(Math.max(0, expiresAt - clock.now()), MAX_TIMER_MS)
    const timer = clock.setTimeout(() => {
      this.#timers.delete(entry)
      if (expiresAt > clock.now()) this.expire(entry)
      else if (!entry.client.closed) this.#disconnect(entry, { reasonCode: ReasonCode.MaximumConnectTime })
    }, wait)
    if (timer instanceof Object && 'unref' in timer) (timer as NodeJS.Timeout).unref()
    this.#timers.set(entry, timer)
  }

  /**
   * Called when a subscription was allowed. Beyond the limit of remembered filters, a subscription is checked again
   * when it exists.
   */
  granted(entry: Entry, filter: string): void {
    const granted = entry.granted ?? this.#watch(entry)
    if (granted.size >= MAX_VERDICTS) granted.clear()
    granted.set(filter, this.#stateOf(entry))
  }

  /** Called when the client's identity or permissions have changed since it subscribed. */
  review(entry: Entry): void {
    this.#look(entry).catch(this.#options.failed)
  }

  /** Called when rules, users or keys have changed: drops all verdicts, and checks all clients again. */
  changed(): Promise<void> {
    this.generation++
    this.#review ??= this.#reviewAll().finally(() => {
      this.#review = undefined
    })
    return this.#review
  }

  close(): void {
    this.#closed = true
    for (const entry of [...this.#timers.keys()]) this.#stop(entry)
    this.#present.clear()
    this.#disconnected.clear()
  }

  #add(client: Client): Entry {
    const subject = subjectOf(client)
    const entry: Entry = {
      client,
      subject,
      version: subject.version,
      generation: this.generation,
      since: this.generation,
      mayPublish: new Map(),
      mayReceive: new Map(),
      granted: undefined,
      withdrawn: new Set(),
    }
    this.#entries.set(client, entry)
    if (this.#closed) return entry
    this.#present.add(entry)
    client.once('connected', () => this.#connected(entry))
    client.once('close', () => this.#left(entry))
    return entry
  }

  /** Called when the client is connected: users, keys or rules may have changed since CONNECT was checked. */
  #connected(entry: Entry): void {
    this.#disconnected.delete(entry.client.id)
    if (entry.since !== this.generation) this.review(entry)
  }

  /** Rules may change between the verdict and the moment when the subscription exists and can be checked again. */
  #watch(entry: Entry): Map<string, string> {
    const granted = new Map<string, string>()
    entry.granted = granted
    entry.client.on('subscribed', filters => {
      const state = this.#stateOf(entry)
      const areCurrent = filters.every(filter => granted.get(filter) === state)
      for (const filter of filters) granted.delete(filter)
      if (!areCurrent) this.review(entry)
    })
    return granted
  }

  /** The state that verdicts depend on. */
  #stateOf({ subject }: Entry): string {
    return `${this.generation} ${subject.version}`
  }

  #left(entry: Entry): void {
    this.#stop(entry)
    this.#present.delete(entry)
    const { id, will } = entry.client
    if (!will?.properties?.willDelayInterval) return
    this.#disconnected.delete(id)
    this.#disconnected.set(id, entry.subject)
    if (this.#disconnected.size > MAX_DISCONNECTED) this.#disconnected.delete(this.#disconnected.keys().next().value!)
  }

  #stop(entry: Entry): void {
    const timer = this.#timers.get(entry)
    if (timer === undefined) return
    this.#options.clock.clearTimeout(timer)
    this.#timers.delete(entry)
  }

  /** Starts again if something changes meanwhile. */
  async #reviewAll(): Promise<void> {
    for (let generation = -1; generation !== this.generation; ) {
      generation = this.generation
      const present = [...this.#present]
      for (let at = 0; at < present.length; at += SLICE) {
        if (generation !== this.generation || this.#closed) break
        const slice = present.slice(at, at + SLICE).filter(({ client }) => client.connected)
        await Promise.all(slice.map(entry => this.#look(entry).catch(this.#options.failed)))
        await new Promise(resolve => setImmediate(resolve))
      }
    }
  }

  async #look(entry: Entry): Promise<void> {
    const { client, subject } = entry
    const { version } = subject
    if (!(await this.#mayStay(entry))) {
      await this.#disconnect(entry, { reasonCode: ReasonCode.NotAuthorized, will: 'discard' })
      return
    }
    if (subject.version !== version) {
      this.expire(entry)
      client.limits = this.#options.limitsOf(entry)
    }
    for (const filter of [...client.subscriptions.keys()]) {
      if (await this.#options.mayKeep(entry, filter)) continue
      withdraw(entry, filter)
      if (client.connected) await client.unsubscribe(filter)
    }
  }

  /** A module that does not answer withdraws nothing; permissions are checked nevertheless. */
  #mayStay(entry: Entry): Promise<boolean> {
    return this.#options.mayStay(entry).catch(error => {
      this.#options.failed(error)
      return true
    })
  }

  async #disconnect({ client }: Entry, options: DisconnectOptions): Promise<void> {
    await client.disconnect(options).catch(this.#options.failed)
  }
}

/** Ends a subscription that is no longer allowed. */
export function withdraw(entry: Entry, filter: string): void {
  entry.withdrawn.add(filter)
  entry.mayReceive.clear()
}

/** Caches a verdict, up to the limit. */
export function remember(verdicts: Map<string, boolean>, topic: string, verdict: boolean): void {
  if (verdicts.size >= MAX_VERDICTS) verdicts.clear()
  verdicts.set(topic, verdict)
}
