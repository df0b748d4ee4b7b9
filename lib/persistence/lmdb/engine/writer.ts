/**
 * Group commit: changes become transactions, in their order, as many in each as do not hold up the event loop; those that
 * were asked for in one go are never divided. Owns when a change counts as done and what becomes of those that fail;
 * knows no table.
 */
import type { MessageRef } from '../../../../types/persistence.js'
import { AnaxError, wrapError } from '../../../errors.js'
import type { LmdbEnvironment } from './environment.js'
import { DamagedRecord } from './record.js'

/** What a resolved promise is worth: safe from a crash of the process, or from a power cut as well. */
export type LmdbDurability = 'commit' | 'sync'

/**
 * A change: it either throws an AnaxError before it writes anything, or is complete. Whatever else it throws, and a
 * damaged record that it reads, aborts the transaction.
 */
interface Change {
  /** `adds` where it needs room: such changes are the ones that a full disk refuses. */
  readonly kind: 'adds' | 'removes'
  run(): void
  resolve(): void
  reject(error: unknown): void
}

/** How long a transaction goes on taking changes: the event loop has nothing else meanwhile. */
const TAKING_MS = 10

/** Of the system (ENOSPC, EFBIG, EDQUOT; EIO where only a part could be written) and of LMDB (MDB_MAP_FULL). */
const FULL_CODES: readonly unknown[] = [28, 27, 122, 5, -30_792]

/** Runs changes, and tells when they are durable. */
export class LmdbWriter {
  readonly #environment: Pick<LmdbEnvironment, 'transaction' | 'flushed'>
  readonly #durability: LmdbDurability
  readonly #committed: () => void
  readonly #refused = new Set<string>()
  readonly #clock: () => number
  /** What was asked for in one go, which belongs together, in the order of coming. */
  #waiting: Change[][] = []
  /** The last of these, while more may come to it. */
  #open: Change[] | undefined
  #effects: (() => void)[] = []
  #working: Promise<void> | undefined
  #committing: Promise<void> | undefined
  /** Whether what is being committed was given room before. */
  #hasMadeRoom = false
  #closed = false

  /**
   * @param committed called after each transaction
   * @param clock milliseconds, to tell how long a transaction takes
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

  /** Runs a change that takes room in the store. Resolves to what it returns, once that is durable. */
  add<T>(change: () => T): Promise<T> {
    return this.#submit('adds', change)
  }

  /** Runs a change that takes no more room than there was. Resolves to what it returns, once that is durable. */
  change<T>(change: () => T): Promise<T> {
    return this.#submit('removes', change)
  }

  /** To be called by a change: what is to happen in memory if, and as soon as, it is committed. */
  afterCommit(effect: () => void): void {
    this.#effects.push(effect)
  }

  /** To be called by a change that refuses a message: what belongs to it in the same transaction is refused as well. */
  refuse(message: MessageRef, error: AnaxError): never {
    this.#refused.add(identityOf(message))
    throw error
  }

  /** Whether a change before, in the same transaction, has refused the message. */
  hasRefused(message: MessageRef): boolean {
    return this.#refused.has(identityOf(message))
  }

  /**
   * Reads behind all changes that were made before: at once where there are none under way.
   * @throws AnaxError ANAX_ERR_CLOSED
   */
  read<T>(read: () => T): T | Promise<T> {
    if (this.#working !== undefined) return this.settled().then(read)
    if (this.#closed) throw closed()
    return read()
  }

  /** Resolves when all changes that were made before are done, whichever way. */
  async settled(): Promise<void> {
    if (this.#closed) await this.#working
    else if (this.#waiting.length > 0) await this.change(() => {}).catch(() => {})
    else await this.#committing
  }

  /** Takes no more changes; resolves when those that were made are done. */
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

  /** Changes that are asked for with nothing awaited in between, as those for one message are, are one group. */
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

  /** Commits what can be committed: what a transaction fails for is refused, and the rest tried again. */
  async #commit(): Promise<void> {
    this.#hasMadeRoom = false
    let left = await this.#attempt(undefined)
    while (left.length > 0) left = await this.#attempt(left)
  }

  /**
   * Commits changes that were tried before, or those that are waiting by the time that LMDB is ready.
   * @returns those to try again
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

  /** Groups that are waiting, as long as there is time. @param taken gets them as well, whatever becomes of them */
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
   * What earlier transactions have done with can be used again once all of them are on the disk: so a disk that is full
   * can be emptied, one small transaction after the other.
   * @returns whether it is worth another attempt
   */
  async #makesRoom(failure: unknown): Promise<boolean> {
    if (!isFull(failure) || this.#hasMadeRoom) return false
    this.#hasMadeRoom = true
    return this.#environment.flushed().then(
      () => true,
      () => false,
    )
  }

  /** The next transaction need not wait for the disk. */
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

/** Rejects what a transaction has failed for. @returns the other changes */
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
  return new AnaxError('ANAX_ERR_QUOTA', { detail: 'the disk takes no more', cause })
}

function isFull(error: unknown): boolean {
  return error instanceof Error && FULL_CODES.includes((error as Error & { code?: unknown }).code)
}
