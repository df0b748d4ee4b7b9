/**
 * This node's lease: a record that is renewed periodically. Owns whether the node may act, by the monotonic clock. The
 * fences enforce the guarantee of the lease; the lease tells the node in time.
 */
import type { Lease } from '../../../types/cluster.js'
import { AnaxError } from '../../index.js'
import { RefusedRequest, ServerError, type StoredRecord, type Wire } from '../wire/wire.js'

/** The record of a node. */
export interface NodeRecord {
  readonly epoch: string
  /** Set if the node has ended, and can write nothing any more. */
  readonly left?: true
  /** Set together with `left` if it was another node that found out: its lease had ended. */
  readonly lost?: true
  /** Set if it only imports or exports. */
  readonly guest?: true
}

/** Renewals within one lease. */
const RENEWALS = 6
/** Pause after a failed renewal, in milliseconds: servers without a leader refuse immediately. */
const RETRY_MS = 200
/** The unused fraction of the lease, because clocks run at different speeds and timers are late. */
const MARGIN = 0.1
/**
 * How long the record of a node stays without renewal, in seconds. Any node that runs meanwhile fences it, and replaces
 * its record by one that says so.
 */
const RECORD_SECONDS = 604_800
/** How long the last record of a node that has ended stays, in seconds, and its fences. */
export const ENDED_SECONDS = 3600

export interface LeaseParts {
  readonly wire: Wire
  readonly stream: string
  readonly subject: string
  readonly epoch: string
  readonly isGuest: boolean
  readonly leaseMs: number
  /** Called after each write of the record. @param before the time of day before it; @param after and after it */
  renewed(before: number, after: number): void
  failed(error: Error): void
}

export class NatsLease implements Lease {
  readonly #parts: LeaseParts
  readonly #lost = new AbortController()
  #validUntil = Number.NEGATIVE_INFINITY
  #sequence = 0
  #timer: NodeJS.Timeout | undefined
  #ends: NodeJS.Timeout | undefined
  /** The pending renewal, or the last one. */
  #renewal: Promise<void> = Promise.resolve()
  #hasLeft = false

  constructor(parts: LeaseParts) {
    this.#parts = parts
  }

  get isValid(): boolean {
    return performance.now() < this.#validUntil && !this.lost.aborted
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  get msLeft(): number {
    return this.lost.aborted ? 0 : Math.max(0, Math.round(this.#validUntil - performance.now()))
  }

  /** Takes over the record from any other process, and renews it from then on. */
  async take(): Promise<void> {
    const asked = performance.now()
    this.#sequence = await this.#write(this.#record(), undefined)
    this.#extend(asked)
    this.#schedule()
  }

  /** Loses the lease: the fence was touched, or another process has the name. */
  lose(detail: string): void {
    if (this.lost.aborted) return
    this.#validUntil = Number.NEGATIVE_INFINITY
    this.#stop()
    this.#lost.abort(new AnaxError('ANAX_ERR_FENCED', { detail }))
  }

  /**
   * Leaves, so that no other node has to wait for the end of the lease.
   * @returns whether it had the lease
   */
  async leave(): Promise<boolean> {
    this.#hasLeft = true
    this.#stop()
    this.#validUntil = Number.NEGATIVE_INFINITY
    // a pending renewal writes the record that must be replaced
    await this.#renewal
    if (this.lost.aborted) return false
    await this.#write({ ...this.#record(), left: true }, this.#sequence)
    return true
  }

  #record(): NodeRecord {
    const { epoch, isGuest } = this.#parts
    return isGuest ? { epoch, guest: true } : { epoch }
  }

  #stop(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#ends)
  }

  #schedule(ms = this.#parts.leaseMs / RENEWALS): void {
    if (this.#hasLeft || this.lost.aborted) return
    this.#timer = setTimeout(() => {
      this.#renewal = this.#renew()
    }, ms)
  }

  /** @param asked the time of the request, from which other nodes may count */
  #extend(asked: number): void {
    if (this.#hasLeft || this.lost.aborted) return
    const { leaseMs } = this.#parts
    this.#validUntil = asked + leaseMs * (1 - MARGIN)
    clearTimeout(this.#ends)
    this.#ends = setTimeout(() => this.lose('it could not be renewed in time'), this.#validUntil - performance.now())
  }

  async #renew(): Promise<void> {
    const asked = performance.now()
    let pauseMs: number | undefined
    try {
      this.#sequence = await this.#write(this.#record(), this.#sequence)
      this.#extend(asked)
    } catch (error) {
      pauseMs = RETRY_MS
      if (error instanceof RefusedRequest && error.is(ServerError.WrongLastSequence)) await this.#lookUp()
      else this.#parts.failed(error as Error)
    }
    this.#schedule(pauseMs)
  }

  /**
   * Reads the record: an unanswered renewal may have been written, and then the next one would expect the wrong
   * sequence.
   */
  async #lookUp(): Promise<void> {
    const { wire, stream, subject, epoch } = this.#parts
    try {
      const record = await wire.last(stream, subject)
      const content = record && nodeRecordOf(record)
      if (content?.epoch === epoch && content.left !== true) this.#sequence = record!.sequence
      else this.lose('another process has the name of this node, or took it for dead')
    } catch (error) {
      this.#parts.failed(error as Error)
    }
  }

  async #write(record: NodeRecord, expected: number | undefined): Promise<number> {
    const { wire, subject, leaseMs, renewed } = this.#parts
    const body = Buffer.from(JSON.stringify(record))
    const expect = expected === undefined ? {} : { expect: { subject, sequence: expected } }
    const before = Date.now()
    const { seq } = await wire.write(
      { subject, body, ttl: record.left === true ? ENDED_SECONDS : RECORD_SECONDS, replaces: true },
      expect,
      Math.max(500, leaseMs / RENEWALS),
    )
    renewed(before, Date.now())
    return seq
  }
}

/** Parses the record of a node; undefined if it is invalid. */
export function nodeRecordOf({ body }: Pick<StoredRecord, 'body'>): NodeRecord | undefined {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8')) as NodeRecord
  } catch {
    return undefined
  }
}
