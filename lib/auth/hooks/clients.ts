/**
 * The clients that an `Auth` was asked about: looked at again when something changes, let go when their time is over.
 * Owns who is still there; what they may do is asked through two functions.
 */
import type { Client, DisconnectOptions } from '../../../types/client.js'
import type { ClientLimits } from '../../../types/client-limits.js'
import type { Clock } from '../../../types/clock.js'
import { ReasonCode } from '../../index.js'
import { type Subject, subjectOf } from '../identity.js'

/** The verdicts about one client, valid until something changes. */
export interface Entry {
  readonly client: Client
  readonly subject: Subject
  /** The subject's version and the generation of rules that the verdicts are of. */
  version: number
  generation: number
  /** The generation in which the client began to connect: what it came in with may be of that time. */
  readonly since: number
  readonly mayPublish: Map<string, boolean>
  readonly mayReceive: Map<string, boolean>
  /** Filters that are being subscribed, with the state that each was granted in. */
  granted: Map<string, string> | undefined
  /** Filters that were granted once and are not any more: what waits for them is not sent. */
  readonly withdrawn: Set<string>
}

export interface ClientsOptions {
  clock: Clock
  /** Whether the client may stay. */
  mayStay(entry: Entry): Promise<boolean>
  /** What it may do at most. */
  limitsOf(entry: Entry): ClientLimits | undefined
  /** Whether it may keep a subscription. */
  mayKeep(entry: Entry, filter: string): Promise<boolean>
  /** Told of what went wrong while nobody waited. */
  failed(error: unknown): void
}

/** Verdicts remembered for one client and action; then all are forgotten. */
const MAX_VERDICTS = 1000

/** Clients that are looked at again at once, before the event loop gets its turn. */
const SLICE = 100

/** Departed clients that are remembered while their wills wait; of the others, what was stored with the will counts. */
const MAX_DISCONNECTED = 10_000

/** The longest that a timer of Node.js can be set for. */
const MAX_TIMER_MS = 0x7fff_ffff

export class Clients {
  /** Counts the changes; verdicts of an earlier generation do not hold. */
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

  /** The identity of a client whose connection has ended and whose will is published now. */
  departed(client: Client): Subject | undefined {
    return this.#entries.get(client)?.subject ?? this.#disconnected.get(client.id)
  }

  /** Sets, or sets anew, when the identity of a client ends. */
  expire(entry: Entry): void {
    this.#stop(entry)
    const { expiresAt } = entry.subject.identity
    // who has left while it was checked has nothing that could end
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

  /** A subscription was allowed. Those that are not remembered are looked at again once they are there. */
  granted(entry: Entry, filter: string): void {
    const granted = entry.granted ?? this.#watch(entry)
    if (granted.size >= MAX_VERDICTS) granted.clear()
    granted.set(filter, this.#stateOf(entry))
  }

  /** The client is somebody else, or has other rights, than when it subscribed. */
  review(entry: Entry): void {
    this.#look(entry).catch(this.#options.failed)
  }

  /** Other rules, users or keys: verdicts are forgotten, and everybody is looked at again. */
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

  /** Users, keys or rules may have changed since the first of CONNECT's questions. */
  #connected(entry: Entry): void {
    this.#disconnected.delete(entry.client.id)
    if (entry.since !== this.generation) this.review(entry)
  }

  /** Something may change between the verdict and the moment when the subscription is there to be looked at. */
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

  /** What verdicts depend on. */
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

  /** Again from the start where something changes meanwhile. */
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

  /** A module that cannot be asked withdraws nothing; permissions are checked all the same. */
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

/** A subscription is not allowed any more. */
export function withdraw(entry: Entry, filter: string): void {
  entry.withdrawn.add(filter)
  entry.mayReceive.clear()
}

/** Keeps a verdict, in bounded room. */
export function remember(verdicts: Map<string, boolean>, topic: string, verdict: boolean): void {
  if (verdicts.size >= MAX_VERDICTS) verdicts.clear()
  verdicts.set(topic, verdict)
}
