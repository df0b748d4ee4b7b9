/**
 * Writes of this node to one shard: what comes while a batch is under way is the next batch, so that writes take effect in
 * the order in which they were asked for. Owns repeating what was not answered, and the fence; must not know what is written.
 *
 * Every write expects that nobody has touched this node's fence. The server refuses two writes at once with the same
 * expectation, so there is never more than one under way.
 */
import { AnaxError } from '../../index.js'
import { clusterError, isInvalid, type OutgoingRecord, RefusedRequest, ServerError, type Wire } from '../wire.js'

/** A server takes 1,000 messages in a batch. */
const MAX_RECORDS = 500
const MAX_BYTES = 4 * 1024 * 1024
const ATTEMPT_MS = 2500
const PAUSE_MS = 200
/** Of the same kind, without a known reason. */
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
  /** The lease: once it is lost, nothing is repeated. */
  readonly lost: AbortSignal
  /** The fence was touched: this node has no right to act, and so many writes were refused. */
  fenced(writes: number): void
  /** A write took so long, and left the stream at this sequence. */
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
   * @returns the sequence of the first one; undefined where it is not known
   * Rejects with ANAX_ERR_FENCED, ANAX_ERR_QUOTA, ANAX_ERR_CLUSTER.
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
    // what is asked for in the same turn goes together
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

  /** Again and again, until there is an answer. @returns the last sequence; undefined where an earlier attempt was it */
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
        // what is always refused must not hold up what comes behind
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

  /** @returns what an attempt that failed means; throws where it cannot succeed */
  async #judge(error: unknown, writes: number): Promise<'unknown' | 'written' | 'refused'> {
    // not even sent: it never will be, and must not hold up what comes behind
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

  /** The server says so as well where an earlier attempt is still under way. */
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

/** The records of several writes. A batch has each subject that is replaced once: what is replaced at once is left out. */
function joined(batch: readonly Waiting[]): OutgoingRecord[] {
  const records = batch.flatMap(write => write.records)
  const last = new Map<string, OutgoingRecord>()
  for (const record of records) if (record.replaces) last.set(record.subject, record)
  return records.filter(record => !record.replaces || last.get(record.subject) === record)
}

function pause(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, PAUSE_MS).unref())
}
