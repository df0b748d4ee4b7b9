/** The lease of a node in memory: renewed while the node reaches the engine. Must not know what it is for. */
import type { Lease } from '../../../types/cluster.js'
import { AnaxError } from '../../errors.js'

const RENEWALS = 6
/** The part of the lease that the node does not make use of. */
const MARGIN = 0.1

export class MemoryLease implements Lease {
  readonly #leaseMs: number
  readonly #isReachable: () => boolean
  readonly #ended: () => void
  readonly #lost = new AbortController()
  readonly #timer: NodeJS.Timeout
  #renewedAt = performance.now()
  /** Resolves when it is lost. */
  readonly lostPromise: Promise<void>

  /** @param ended called when others may act */
  constructor(leaseMs: number, isReachable: () => boolean, ended: () => void) {
    this.#leaseMs = leaseMs
    this.#isReachable = isReachable
    this.#ended = ended
    this.lostPromise = new Promise(resolve => this.#lost.signal.addEventListener('abort', () => resolve()))
    this.#timer = setInterval(() => this.#look(), leaseMs / RENEWALS / 2)
    this.#timer.unref()
  }

  get isValid(): boolean {
    return !this.lost.aborted && this.msLeft > 0
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  get msLeft(): number {
    return Math.max(0, Math.round(this.#renewedAt + this.#leaseMs * (1 - MARGIN) - performance.now()))
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#renewedAt = Number.NEGATIVE_INFINITY
  }

  lose(detail: string): void {
    this.#lost.abort(new AnaxError('ANAX_ERR_FENCED', { detail }))
  }

  #look(): void {
    const now = performance.now()
    // whoever blocks the event loop blocks all nodes of this process: it costs nobody the lease
    if (this.#isReachable() && !this.lost.aborted) {
      this.#renewedAt = now
      return
    }
    if (!this.isValid) this.lose('the lease ended')
    if (now < this.#renewedAt + this.#leaseMs) return
    this.stop()
    this.#ended()
  }
}
