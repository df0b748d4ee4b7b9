/** Creates all parts of an LMDB store, connects them, and closes them in the right order. */
import { LmdbAedes } from './aedes.js'
import { type Counters, LmdbEnvironment } from './engine/environment.js'
import { type LmdbDurability, LmdbWriter } from './engine/writer.js'
import { notOpened } from './file/folder.js'
import type { LmdbPersistenceOptions } from './options.js'
import { LmdbDeadlines } from './tables/deadlines.js'
import { LmdbMessages } from './tables/messages.js'
import { LmdbQueues } from './tables/queues.js'
import { LmdbRetained } from './tables/retained.js'
import { LmdbSessions } from './tables/sessions.js'
import { LmdbSubscriptions } from './tables/subscriptions.js'
import { LmdbWills } from './tables/wills.js'

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
  static async open({ path, durability, verify, now }: Required<LmdbPersistenceOptions>): Promise<LmdbParts> {
    const environment = await LmdbEnvironment.open(path, verify)
    try {
      return new LmdbParts(environment, durability, now)
    } catch (error) {
      await environment.close().catch(() => {})
      throw notOpened(path, error)
    }
  }

  /** Resolves when everything committed is on the disk. */
  flushed(): Promise<void> {
    return this.#environment.flushed()
  }

  /** Copies the store, with all changes requested so far. @throws AnaxError ANAX_ERR_STORE */
  async copyTo(folder: string): Promise<void> {
    await this.writer.settled()
    await this.#environment.copyTo(folder)
  }

  /** Finishes pending changes first. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.writer.close()
    await this.#environment.close()
  }
}
