/**
 * Group commit: runs changes in order, many in one transaction, but not so many that they block the event loop. Changes
 * that were made in the same step are never split. Owns when a change counts as done and what happens if it fails.
 * Knows no table.
 */
import type { MessageRef } from '../../../../types/persistence.js'
import { AnaxError, wrapError } from '../../../errors.js'
import type { LmdbEnvironment } from './environment.js'
import { DamagedRecord } from './record.js'

/** What a resolved promise guarantees: safe from a crash of the process, or from a power cut as well. */
export type LmdbDurability = 'commit' | 'sync'

/**
 * A change: it either throws an AnaxError before it writes anything, or completes. Any other error, and a damaged
 * record, aborts the transaction.
 */
interface Change {
  /** `adds` if it needs space on the disk. Only such changes are refused when the disk is full. */
  readonly kind: 'adds' | 'removes'
  run(): void
  resolve(): void
  reject(error: unknown): void
}

/** How long a transaction accepts changes, which blocks the event loop. */
const TAKING_MS = 10

/** Error codes for a full disk: ENOSPC, EFBIG, EDQUOT, EIO (after a partial write), and LMDB's MDB_MAP_FULL. */
const FULL_CODES: readonly unknown[] = [28, 27, 122, 5, -30_792]

/** Runs changes and reports when they are durable. */
export class LmdbWriter {
  readonly #environment: Pick<LmdbEnvironment, 'transaction' | 'flushed'>
  readonly #durability: LmdbDurability
  readonly #committed: () => void
  readonly #refused = new Set<string>()
  readonly #clock: () => number
  /** Groups of changes that were made in the same step, in order. */
  #waiting: Change[][] = []
  /** The last group, while more changes may join it. */
  #open: Change[] | undefined
  #effects: (() => void)[] = []
  #working: Promise<void> | undefined
  #committing: Promise<void> | undefined
  /** Whether space was already freed for the current changes. */
  #hasMadeRoom = false
  #closed = false

  /**
   * @param committed called after each transaction
   * @param clock in milliseconds, for the duration of a transaction
   */
  constructor(
    environment: Pick<LmdbEnvironment, 'transaction' | 'flushed'>,
    durability: LmdbDurability,
    committed: () => void,
    clock: () => number = () => performance.now(),
  ) {
    this.#environment = environment
    this.#durability = durability
    this.#committed = committed
    this.#clock = clock
  }

  /** Runs a change that needs space. Resolves with its result once it is durable. */
  add<T>(change: () => T): Promise<T> {
    return this.#submit('adds', change)
  }

  /** Runs a change that needs no additional space. Resolves with its result once it is durable. */
  change<T>(change: () => T): Promise<T> {
    return this.#submit('removes', change)
  }

  /** For use by a change: runs `effect` in memory once the change is committed. */
  afterCommit(effect: () => void): void {
    this.#effects.push(effect)
  }

  /** For use by a change: refuses a message, for all later changes of this transaction as well. */
  refuse(message: MessageRef, error: AnaxError): never {
    this.#refused.add(identityOf(message))
    throw error
  }

  /** Whether an earlier change of this transaction refused the message. */
  hasRefused(message: MessageRef): boolean {
    return this.#refused.has(identityOf(message))
  }

  /**
   * Reads after all earlier changes: immediately if none are pending.
   * @throws AnaxError ANAX_ERR_CLOSED
   */
  read<T>(read: () => T): T | Promise<T> {
    if (this.#working !== undefined) return this.settled().then(read)
    if (this.#closed) throw closed()
    return read()
  }

  /** Resolves when all earlier changes have succeeded or failed. */
  async settled(): Promise<void> {
    if (this.#closed) await this.#working
    else if (this.#waiting.length > 0) await this.change(() => {}).catch(() => {})
    else await this.#committing
  }

  /** Accepts no more changes. Resolves when all earlier ones are done. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#working
  }

  #submit<T>(kind: Change['kind'], change: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(closed())
    return new Promise<T>((resolve, reject) => {
      let outcome: T
      let refusal: AnaxError | undefined
      this.#group().push({
        kind,
        run: () => {
          refusal = undefined
          try {
            outcome = change()
          } catch (error) {
            if (!(error instanceof AnaxError) || error instanceof DamagedRecord) throw error
            refusal = error
          }
        },
        resolve: () => (refusal === undefined ? resolve(outcome) : reject(refusal)),
        reject,
      })
      this.#working ??= this.#work()
    })
  }

  /** Changes made without an await in between, such as those for one message, form a group. */
  #group(): Change[] {
    if (this.#open !== undefined) return this.#open
    const group: Change[] = []
    this.#open = group
    this.#waiting.push(group)
    queueMicrotask(() => {
      this.#open = undefined
    })
    return group
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      this.#committing = this.#commit()
      await this.#committing
      this.#committing = undefined
    }
    this.#working = undefined
  }

  /**
   * Commits as many changes as possible. Changes that make a transaction fail are rejected, and the rest is retried.
   */
  async #commit(): Promise<void> {
    this.#hasMadeRoom = false
    let left = await this.#attempt(undefined)
    while (left.length > 0) left = await this.#attempt(left)
  }

  /**
   * Commits changes that were tried before, or those that are waiting once LMDB is ready.
   * @returns the changes to retry
   */
  async #attempt(again: readonly Change[] | undefined): Promise<readonly Change[]> {
    let groups: (readonly Change[])[] = again === undefined ? [] : [again]
    let current: Change | undefined
    this.#effects = []
    this.#refused.clear()
    try {
      await this.#environment.transaction(() => {
        for (const group of again === undefined ? this.#takeWaiting(groups) : groups) {
          for (current of group) current.run()
        }
        current = undefined
      })
    } catch (error) {
      if (groups.length === 0) groups = this.#waiting.splice(0)
      const changes = groups.flat()
      return (await this.#makesRoom(error)) ? changes : refuseCulprits(error, changes, current)
    }
    this.#committed()
    for (const effect of this.#effects) effect()
    if (this.#durability === 'sync') this.#resolveWhenFlushed(groups)
    else resolveAll(groups)
    return []
  }

  /** Takes waiting groups while there is time. @param taken receives them as well */
  *#takeWaiting(taken: (readonly Change[])[]): Generator<readonly Change[], void, undefined> {
    const end = this.#clock() + TAKING_MS
    try {
      do {
        const group = this.#waiting[taken.length]!
        taken.push(group)
        yield group
      } while (taken.length < this.#waiting.length && this.#clock() < end)
    } finally {
      this.#waiting.splice(0, taken.length)
    }
  }

  /**
   * Flushes, because pages that earlier transactions freed can be reused only after a flush. That way a full disk can
   * be emptied by many small transactions.
   * @returns whether a retry makes sense
   */
  async #makesRoom(failure: unknown): Promise<boolean> {
    if (!isFull(failure) || this.#hasMadeRoom) return false
    this.#hasMadeRoom = true
    return this.#environment.flushed().then(
      () => true,
      () => false,
    )
  }

  /** Waits for the disk without delaying the next transaction. */
  #resolveWhenFlushed(groups: readonly (readonly Change[])[]): void {
    this.#environment.flushed().then(
      () => resolveAll(groups),
      cause => {
        for (const change of groups.flat()) change.reject(errorOf(cause))
      },
    )
  }
}

function resolveAll(groups: readonly (readonly Change[])[]): void {
  for (const group of groups) for (const change of group) change.resolve()
}

function closed(): AnaxError {
  return new AnaxError('ANAX_ERR_CLOSED', { detail: 'the store' })
}

function identityOf({ brokerId, brokerCounter }: MessageRef): string {
  return `${brokerCounter} ${brokerId}`
}

/** Rejects the changes that made a transaction fail. @returns the other changes */
function refuseCulprits(cause: unknown, changes: readonly Change[], current: Change | undefined): readonly Change[] {
  const culprits = culpritsOf(cause, changes, current)
  for (const change of culprits) change.reject(errorOf(cause))
  return changes.filter(change => !culprits.has(change))
}

function culpritsOf(cause: unknown, changes: readonly Change[], current: Change | undefined): ReadonlySet<Change> {
  if (!isFull(cause)) return new Set(current === undefined ? changes : [current])
  const adding = changes.filter(({ kind }) => kind === 'adds')
  return new Set(adding.length > 0 ? adding : changes)
}

function errorOf(cause: unknown): AnaxError {
  if (!isFull(cause)) return wrapError('ANAX_ERR_STORE', cause)
  return new AnaxError('ANAX_ERR_QUOTA', { detail: 'the disk is full', cause })
}

function isFull(error: unknown): boolean {
  return error instanceof Error && FULL_CODES.includes((error as Error & { code?: unknown }).code)
}
