/**
 * Writes committed data to the disk while further transactions run: immediately if somebody waits for it, otherwise
 * once a second. LMDB itself does not sync. Owns when a checkpoint is written, and that nothing overwrites its pages.
 * Knows no table.
 */
import { fdatasync, write } from 'node:fs'
import { promisify } from 'node:util'
import { idleTimeout } from '../../../util/scheduling/idle-timeout.js'
import type { DatabaseState, LmdbFile } from '../file/file.js'
import { latestCheckpoint, noteOf } from './checkpoint.js'

const synced = promisify(fdatasync)
const written = promisify(write)

/** How long committed data may stay in the operating system's memory only. */
const INTERVAL_MS = 1000
/**
 * Maximum number of transactions between two checkpoints. Pages that they free can be reused only after a checkpoint.
 */
const MAX_TRANSACTIONS = 250
/** Stands for a boot with an unknown identity. It never equals the current boot. */
const UNKNOWN_BOOT = 'unknown'

/** Prevents LMDB from reusing the pages of a state. */
export interface Snapshot {
  done(): void
}

/** The database as the flusher sees it. */
export interface FlusherParts {
  file: LmdbFile
  boot: string | undefined
  /** Takes a snapshot of the latest state. Called between transactions. */
  hold: () => Snapshot
}

interface Waiting {
  promise: Promise<void>
  resolve(): void
  reject(error: unknown): void
}

/** Writes checkpoints. */
export class LmdbFlusher {
  readonly #file: LmdbFile
  readonly #boot: string
  readonly #hold: () => Snapshot
  #sequence: number
  /** The snapshot of the last checkpoint. */
  #held: Snapshot | undefined
  #isWriting = false
  /**
   * Transactions since the last flush began. It starts at 1, so that the first flush covers the data of earlier runs.
   */
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
   * Must be called before each transaction.
   * @throws the error of a failed sync. The data of that sync is lost, even if a later sync succeeds.
   */
  beginTransaction(): void {
    if (this.#failure !== undefined) throw this.#failure.error
    this.#isWriting = true
  }

  /** Must be called after each transaction, whether it was committed or not. */
  endTransaction(): void {
    this.#isWriting = false
    this.#unflushed++
    if (this.#unflushed >= MAX_TRANSACTIONS) this.#flushUnasked()
    else this.#timer ??= idleTimeout(() => this.#flushUnasked(), INTERVAL_MS)
    this.#flushIfWanted()
  }

  /** Resolves when everything that is committed now is on the disk. */
  async flushed(): Promise<void> {
    if (this.#unflushed === 0) return this.#flushing
    this.#next ??= waiting()
    const { promise } = this.#next
    this.#flushIfWanted()
    return promise
  }

  /** Flushes a last time. No transaction may follow. */
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
    // The next transaction throws the error.
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

  /** Fails if the file was deleted or replaced: data written to it would be lost. */
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
