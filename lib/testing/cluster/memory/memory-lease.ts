/** The lease of a node in memory, renewed while the node can reach the engine. Must not know its purpose. */
import type { Clock } from '../../../../types/clock.js'
import type { Lease } from '../../../../types/cluster.js'
import { AnaxError } from '../../../errors.js'

const RENEWALS = 6
/** The unused part of the lease. */
const MARGIN = 0.1

export class MemoryLease implements Lease {
  readonly #leaseMs: number
  readonly #isReachable: () => boolean
  readonly #ended: () => void
  readonly #lost = new AbortController()
  readonly #clock: Clock
  #timer: unknown
  #renewedAt: number
  #isStopped = false
  /** Resolves when the lease is lost. */
  readonly lostPromise: Promise<void>

  /** @param ended called when other nodes may act */
  constructor(leaseMs: number, clock: Clock, isReachable: () => boolean, ended: () => void) {
    this.#clock = clock
    this.#renewedAt = this.#now()
    this.#leaseMs = leaseMs
    this.#isReachable = isReachable
    this.#ended = ended
    this.lostPromise = new Promise(resolve => this.#lost.signal.addEventListener('abort', () => resolve()))
    this.#schedule()
  }

  get isValid(): boolean {
    return this.msLeft > 0
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  get msLeft(): number {
    if (this.lost.aborted) return 0
    this.#renew()
    return Math.max(0, Math.round(this.#renewedAt + this.#leaseMs * (1 - MARGIN) - this.#now()))
  }

  stop(): void {
    this.#isStopped = true
    this.#clock.clearTimeout(this.#timer)
    this.#renewedAt = Number.NEGATIVE_INFINITY
  }

  lose(detail: string): void {
    this.#lost.abort(new AnaxError('ANAX_ERR_FENCED', { detail }))
  }

  #now(): number {
    return this.#clock.monotonic?.() ?? this.#clock.now()
  }

  /**
   * Renews the lease. A blocked event loop blocks all nodes of this process, so no node loses its lease because of it.
   */
  #renew(): void {
    if (!this.#isStopped && this.#isReachable()) this.#renewedAt = this.#now()
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimeout(() => this.#look(), this.#leaseMs / RENEWALS / 2)
  }

  #look(): void {
    this.#schedule()
    if (this.isValid) return
    this.lose('it could not be renewed in time')
    if (this.#now() < this.#renewedAt + this.#leaseMs) return
    this.stop()
    this.#ended()
  }
}
