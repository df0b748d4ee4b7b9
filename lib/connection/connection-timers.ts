/**
 * What one connection waits for, and for how long: CONNECT, a sign of life, room in the stream, the peer's goodbye.
 * Owns the deadlines; must not know what happens when one passes.
 */
import type { ResolvedOptions } from '../ports/resolved-options.js'
import { Timer, type Timers } from '../util/timers.js'

/** What did not come in time. */
export type Missed = 'connect' | 'life' | 'drain' | 'goodbye'

/** Milliseconds a peer has to read the last packets and to close its side. */
const LINGER_MS = 1000

export class ConnectionTimers {
  readonly #timers: Timers
  readonly #drainTimeout: number
  readonly #missed: (what: Missed) => void
  /** CONNECT first, then keep alive, then the goodbye. */
  readonly #timer = new Timer(() => this.#onTimer())
  #waitsFor: Missed = 'connect'
  #allowedSilenceMs = 0
  #lastHeard = 0
  #drainTimer: Timer | undefined
  /** Negative while the stream has room. */
  #blockedSince = -1

  constructor(timers: Timers, { connectTimeout, drainTimeout }: ResolvedOptions, missed: (what: Missed) => void) {
    this.#timers = timers
    this.#drainTimeout = drainTimeout
    this.#missed = missed
    timers.schedule(this.#timer, connectTimeout)
  }

  /** The client was let in: from now on it has to show signs of life [MQTT-3.1.2-22]. */
  connected(keepAliveSeconds: number): void {
    this.#waitsFor = 'life'
    this.#allowedSilenceMs = keepAliveSeconds * 1500
    if (keepAliveSeconds > 0) this.#timers.schedule(this.#timer, this.#allowedSilenceMs)
    else this.#timers.cancel(this.#timer)
  }

  /** Something came from the client, or the broker itself does not listen to it. */
  heard(): void {
    this.#lastHeard = this.#timers.now()
  }

  /** The stream is full. One timer watches a stream that fills and drains all the time: it is not moved for each. */
  blocked(): void {
    this.#blockedSince = this.#timers.now()
    if (this.#drainTimeout === 0) return
    this.#drainTimer ??= new Timer(() => this.#onDrainTimer())
    if (this.#drainTimer.index === -1) this.#timers.schedule(this.#drainTimer, this.#drainTimeout)
  }

  /** The stream has room again. */
  drained(): void {
    this.#blockedSince = -1
  }

  /** The connection is being closed: nothing else is waited for. */
  closing(): void {
    if (this.#drainTimer) this.#timers.cancel(this.#drainTimer)
    this.#waitsFor = 'goodbye'
    this.#timers.schedule(this.#timer, LINGER_MS)
  }

  stop(): void {
    if (this.#drainTimer) this.#timers.cancel(this.#drainTimer)
    this.#timers.cancel(this.#timer)
  }

  #onTimer(): void {
    const leftMs = this.#waitsFor === 'life' ? this.#lastHeard + this.#allowedSilenceMs - this.#timers.now() : 0
    if (leftMs > 0) this.#timers.schedule(this.#timer, leftMs)
    else this.#missed(this.#waitsFor)
  }

  #onDrainTimer(): void {
    if (this.#blockedSince < 0) return
    const leftMs = this.#blockedSince + this.#drainTimeout - this.#timers.now()
    if (leftMs > 0) this.#timers.schedule(this.#drainTimer!, leftMs)
    else this.#missed('drain')
  }
}
