/** All parts of an open LMDB store, wired together. Owns opening and closing them in the right order. */
import { LmdbAedes } from './lmdb-aedes.js'
import { LmdbDeadlines } from './lmdb-deadlines.js'
import { type Counters, LmdbEnvironment } from './lmdb-environment.js'
import { LmdbMessages } from './lmdb-messages.js'
import { LmdbQueues } from './lmdb-queues.js'
import { LmdbRetained } from './lmdb-retained.js'
import { LmdbSessions } from './lmdb-sessions.js'
import { LmdbSubscriptions } from './lmdb-subscriptions.js'
import { LmdbWills } from './lmdb-wills.js'
import { type LmdbDurability, LmdbWriter } from './lmdb-writer.js'

/** The parts. */
export class LmdbParts {
  readonly counters: Counters
  readonly writer: LmdbWriter
  readonly deadlines: LmdbDeadlines
  readonly sessions: LmdbSessions
  readonly subscriptions: LmdbSubscriptions
  readonly queues: LmdbQueues
  readonly retained: LmdbRetained
  readonly wills: LmdbWills
  readonly aedes: LmdbAedes
  readonly #environment: LmdbEnvironment
  #closing: Promise<void> | undefined

  private constructor(environment: LmdbEnvironment, durability: LmdbDurability, now: () => number) {
    this.#environment = environment
    this.counters = environment.counters
    this.deadlines = new LmdbDeadlines(environment)
    const acknowledge = environment.outlivesProcess ? durability : 'sync'
    this.writer = new LmdbWriter(environment, acknowledge, () => this.deadlines.changed())
    this.sessions = new LmdbSessions(environment, this.deadlines)
    this.subscriptions = new LmdbSubscriptions(environment, this.writer)
    this.queues = new LmdbQueues(environment, new LmdbMessages(environment), this.deadlines)
    this.retained = new LmdbRetained(environment, this.writer, this.deadlines, now)
    this.wills = new LmdbWills(environment, this.deadlines)
    this.aedes = new LmdbAedes(this)
  }

  /** @throws AnaxError ANAX_ERR_STORE_FORMAT, ANAX_ERR_STORE */
  static async open(path: string, durability: LmdbDurability, now: () => number): Promise<LmdbParts> {
    return new LmdbParts(await LmdbEnvironment.open(path), durability, now)
  }

  /** What was begun is finished first. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.writer.close()
    await this.#environment.close()
  }
}
