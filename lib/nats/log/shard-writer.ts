/**
 * Writes to one shard: writes that are added while a batch is in progress form the next batch, so that they take effect
 * in order. Owns the retries of unanswered writes, and the fence; must not know what is written.
 *
 * Every write expects that this node's fence is untouched. The server refuses two concurrent writes with the same
 * expectation, so there is never more than one in progress.
 */
import { AnaxError } from '../../index.js'
import { clusterError, isInvalid, type OutgoingRecord, RefusedRequest, ServerError, type Wire } from '../wire/wire.js'

/** A server accepts 1,000 messages in a batch. */
const MAX_RECORDS = 500
const MAX_BYTES = 4 * 1024 * 1024
const ATTEMPT_MS = 2500
const PAUSE_MS = 200
/** Maximum number of equal refusals without a known reason. */
const MAX_REFUSALS = 20

interface Waiting {
  readonly records: readonly OutgoingRecord[]
  readonly bytes: number
  resolve(first: number | undefined): void
  reject(error: AnaxError): void
}

export interface ShardWriterParts {
  readonly wire: Wire
  readonly stream: string
  /** The subject that is this node's fence, and its sequence. */
  readonly fence: { readonly subject: string; readonly sequence: number }
  /** Distinguishes this run of this node. */
  readonly epoch: string
  /** Aborted when the lease is lost: then nothing is retried. */
  readonly lost: AbortSignal
  /** Called when the fence was touched: this node must not act any more. @param writes the number of refused writes */
  fenced(writes: number): void
  /** Called after a write, with the last sequence and the duration. */
  written(sequence: number, ms: number): void
}

export class ShardWriter {
  readonly #parts: ShardWriterParts
  readonly #waiting: Waiting[] = []
  #isBusy = false
  #batches = 0
  /** Writes that were refused because of the fence. */
  refused = 0

  constructor(parts: ShardWriterParts) {
    this.#parts = parts
  }

  /** Writes that wait for an answer. */
  get pending(): number {
    return this.#waiting.length
  }

  /**
   * Writes records in one step.
   * @returns the sequence of the first one; undefined if unknown. Rejects with ANAX_ERR_FENCED, ANAX_ERR_QUOTA,
   * ANAX_ERR_CLUSTER.
   */
  write(records: readonly OutgoingRecord[]): Promise<number | undefined> {
    const bytes = records.reduce((sum, { body }) => sum + body.length, 0)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, bytes, resolve, reject })
      if (!this.#isBusy) this.#start()
    })
  }

  #start(): void {
    this.#isBusy = true
    // writes of the same turn form one batch
    queueMicrotask(async () => {
      while (this.#waiting.length > 0) await this.#writeBatch()
      this.#isBusy = false
    })
  }

  async #writeBatch(): Promise<void> {
    const batch = this.#nextBatch()
    const started = performance.now()
    try {
      const last = await this.#writeSurely(batch)
      if (last !== undefined) this.#parts.written(last, performance.now() - started)
      this.#resolve(batch, last)
    } catch (error) {
      for (const { reject } of batch) reject(error as AnaxError)
    } finally {
      this.#waiting.splice(0, batch.length)
    }
  }

  /** The next batch; its entries stay in the queue. */
  #nextBatch(): Waiting[] {
    const batch: Waiting[] = []
    let records = 0
    let bytes = 0
    for (const write of this.#waiting) {
      records += write.records.length
      bytes += write.bytes
      if (batch.length > 0 && (records > MAX_RECORDS || bytes > MAX_BYTES)) break
      batch.push(write)
    }
    return batch
  }

  #resolve(batch: readonly Waiting[], last: number | undefined): void {
    if (last === undefined) {
      for (const { resolve } of batch) resolve(undefined)
      return
    }
    const records = joined(batch)
    const before = last - records.length + 1
    for (const { records: own, resolve } of batch) resolve(before + records.indexOf(own[0]!))
  }

  /** Retries until there is an answer. @returns the last sequence; undefined if an earlier attempt had succeeded */
  async #writeSurely(batch: readonly Waiting[]): Promise<number | undefined> {
    const { epoch, fence, lost, stream } = this.#parts
    const options = { expect: fence, id: `${stream}-${epoch}-${++this.#batches}` }
    const records = joined(batch)
    for (let refusals = 0; ; ) {
      if (lost.aborted) throw this.#lostError()
      try {
        return await this.#attempt(records, options)
      } catch (error) {
        const verdict = await this.#judge(error, batch.length)
        if (verdict === 'written') return undefined
        // a write that is always refused must not block later ones
        if (verdict === 'refused' && ++refusals === MAX_REFUSALS) throw clusterError(error)
      }
      await pause()
    }
  }

  async #attempt(
    records: readonly OutgoingRecord[],
    options: Parameters<Wire['write']>[1],
  ): Promise<number | undefined> {
    const { wire } = this.#parts
    const { seq, duplicate } =
      records.length === 1
        ? await wire.write(records[0]!, options, ATTEMPT_MS)
        : await wire.writeAll(records, options, ATTEMPT_MS)
    return duplicate ? undefined : seq
  }

  /** @returns the meaning of a failed attempt; throws if it cannot succeed */
  async #judge(error: unknown, writes: number): Promise<'unknown' | 'written' | 'refused'> {
    // it can never be sent, and must not block later writes
    if (isInvalid(error)) throw clusterError(error)
    if (!(error instanceof RefusedRequest) || error.is(ServerError.Busy)) return 'unknown'
    if (error.is(ServerError.Duplicate)) return 'written'
    if (error.is(ServerError.Full)) throw new AnaxError('ANAX_ERR_QUOTA', { detail: error.message, cause: error })
    if (!error.is(ServerError.WrongLastSequence)) return 'refused'
    if (!(await this.#isFenced())) return 'unknown'
    this.refused += writes
    this.#parts.fenced(writes)
    throw this.#lostError()
  }

  /** The server answers the same while an earlier attempt is still in progress. */
  async #isFenced(): Promise<boolean> {
    const { wire, stream, fence } = this.#parts
    try {
      const record = await wire.last(stream, fence.subject)
      return record?.sequence !== fence.sequence
    } catch {
      return false
    }
  }

  #lostError(): AnaxError {
    return clusterError(this.#parts.lost.reason ?? new AnaxError('ANAX_ERR_FENCED'))
  }
}

/**
 * The records of several writes. A batch may have each replaced subject only once, so records that are replaced within
 * the batch are omitted.
 */
function joined(batch: readonly Waiting[]): OutgoingRecord[] {
  const records = batch.flatMap(write => write.records)
  const last = new Map<string, OutgoingRecord>()
  for (const record of records) if (record.replaces) last.set(record.subject, record)
  return records.filter(record => !record.replaces || last.get(record.subject) === record)
}

function pause(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, PAUSE_MS).unref())
}
