/**
 * Brings what is committed to the disk, beside the transactions that go on meanwhile: at once for whoever waits for
 * it, else once a second. LMDB itself does not sync. Owns when a checkpoint is made and that nothing overwrites its
 * pages; knows no table.
 */
import { fdatasync, write } from 'node:fs'
import { promisify } from 'node:util'
import type { DatabaseState, LmdbFile } from '../file/file.js'
import { latestCheckpoint, noteOf } from './checkpoint.js'

const synced = promisify(fdatasync)
const written = promisify(write)

/** How long what is committed may be with the operating system only. */
const INTERVAL_MS = 1000
/** And how much of it: pages that transactions since the checkpoint have done with cannot be used again before the next. */
const MAX_TRANSACTIONS = 250
/** Stands for a run of the machine that the system gives no name to: never the present one. */
const UNKNOWN_BOOT = 'unknown'

/** Keeps LMDB from using the pages of a state again. */
export interface Snapshot {
  done(): void
}

/** What a flusher works with. */
export interface FlusherParts {
  file: LmdbFile
  boot: string | undefined
  /** Holds the latest state. Called while no transaction is under way. */
  hold: () => Snapshot
}

interface Waiting {
  promise: Promise<void>
  resolve(): void
  reject(error: unknown): void
}

/** Makes checkpoints. */
export class LmdbFlusher {
  readonly #file: LmdbFile
  readonly #boot: string
  readonly #hold: () => Snapshot
  #sequence: number
  /** Of the state of the checkpoint. */
  #held: Snapshot | undefined
  #isWriting = false
  /** Transactions since the last flush began; the first flush is of what was found. */
  #unflushed = 1
  #flushing: Promise<void> | undefined
  #next: Waiting | undefined
  #timer: NodeJS.Timeout | undefined
  #failure: { error: unknown } | undefined

  constructor({ file, boot, hold }: FlusherParts) {
    this.#file = file
    this.#boot = boot ?? UNKNOWN_BOOT
    this.#hold = hold
    this.#sequence = latestCheckpoint(file)?.sequence ?? 0
  }

  /**
   * To be called before each transaction.
   * @throws what the system said when it could not sync: what it had then is lost, even if it succeeds the next time
   */
  beginTransaction(): void {
    if (this.#failure !== undefined) throw this.#failure.error
    this.#isWriting = true
  }

  /** To be called after each transaction, whatever became of it. */
  endTransaction(): void {
    this.#isWriting = false
    this.#unflushed++
    if (this.#unflushed >= MAX_TRANSACTIONS) this.#flushUnasked()
    else this.#timer ??= setTimeout(() => this.#flushUnasked(), INTERVAL_MS).unref()
    this.#flushIfWanted()
  }

  /** Resolves when all that is committed now is on the disk. */
  async flushed(): Promise<void> {
    if (this.#unflushed === 0) return this.#flushing
    this.#next ??= waiting()
    const { promise } = this.#next
    this.#flushIfWanted()
    return promise
  }

  /** Flushes a last time. There must be no transactions any more. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    try {
      await this.flushed()
      await this.#note('', this.#file.latestState())
    } finally {
      this.#held?.done()
      this.#file.close()
    }
  }

  #flushUnasked(): void {
    // Whoever writes next is told of a failure.
    this.flushed().catch(() => {})
  }

  #flushIfWanted(): void {
    const next = this.#next
    if (next === undefined || this.#isWriting || this.#flushing !== undefined) return
    this.#next = undefined
    this.#flushing = this.#flush()
    this.#flushing.then(next.resolve, next.reject).finally(() => {
      this.#flushing = undefined
      this.#flushIfWanted()
    })
  }

  async #flush(): Promise<void> {
    const held = this.#hold()
    const unflushed = this.#unflushed
    this.#unflushed = 0
    clearTimeout(this.#timer)
    this.#timer = undefined
    try {
      const state = this.#file.latestState()
      await Promise.all([this.#sync(), this.#checkPlace()])
      await this.#note(this.#boot, state)
    } catch (error) {
      this.#unflushed += unflushed
      held.done()
      throw error
    }
    this.#held?.done()
    this.#held = held
  }

  async #note(boot: string, state: DatabaseState): Promise<void> {
    const { bytes, at } = noteOf({ sequence: this.#sequence + 1, boot, state }, this.#file)
    await written(this.#file.descriptor, bytes, 0, bytes.length, at)
    await this.#sync()
    this.#sequence++
  }

  /** What is written to a file that its folder does not have any more is lost. */
  async #checkPlace(): Promise<void> {
    try {
      await this.#file.checkPlace()
    } catch (error) {
      this.#failure = { error }
      throw error
    }
  }

  async #sync(): Promise<void> {
    try {
      await synced(this.#file.descriptor)
    } catch (error) {
      this.#failure = { error }
      throw error
    }
  }
}

function waiting(): Waiting {
  let resolve: () => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<void>((...both) => {
    ;[resolve, reject] = both
  })
  return { promise, resolve, reject }
}
