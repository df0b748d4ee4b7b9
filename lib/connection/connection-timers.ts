/**
 * The deadlines of one connection: for CONNECT, keep alive, a stream that does not drain, and closing. Owns when they
 * expire. Must not know the consequences.
 */
import type { ResolvedOptions } from '../ports/resolved-options.js'
import { type Scheduled, Timer, type Timers } from '../util/scheduling/timers.js'

/** A deadline that expired. */
export type ConnectionDeadline = 'connect' | 'keep-alive' | 'drain' | 'close'

/** The time for the peer to read the last packets and to close its side, in milliseconds. */
const LINGER_MS = 1000

/** Is notified of expired deadlines. */
export interface DeadlineOwner {
  deadlinePassed(deadline: ConnectionDeadline): void
}

export class ConnectionTimers implements Scheduled {
  at = 0
  index = -1
  readonly #timers: Timers
  readonly #drainTimeout: number
  readonly #owner: DeadlineOwner
  /** The current deadline: first CONNECT, then keep alive, then closing. */
  #deadline: ConnectionDeadline = 'connect'
  #allowedSilenceMs = 0
  #lastReceived = 0
  #drainTimer: Timer | undefined
  /** Negative while the stream has room. */
  #blockedSince = -1

  constructor(timers: Timers, { connectTimeout, drainTimeout }: ResolvedOptions, owner: DeadlineOwner) {
    this.#timers = timers
    this.#drainTimeout = drainTimeout
    this.#owner = owner
    timers.schedule(this, connectTimeout)
  }

  /** Called when the client is connected: begins keep alive [MQTT-3.1.2-22]. */
  connected(keepAliveSeconds: number): void {
    this.#deadline = 'keep-alive'
    this.#allowedSilenceMs = keepAliveSeconds * 1500
    if (keepAliveSeconds > 0) this.#timers.schedule(this, this.#allowedSilenceMs)
    else this.#timers.cancel(this)
  }

  /** Called when the client has sent something. */
  received(): void {
    this.#lastReceived = this.#timers.now()
  }

  /**
   * Called when the stream is full. The timer is not rescheduled each time, because a stream may fill and drain very
   * often.
   */
  blocked(): void {
    this.#blockedSince = this.#timers.now()
    if (this.#drainTimeout === 0) return
    this.#drainTimer ??= new Timer(() => this.#onDrainTimer())
    if (this.#drainTimer.index === -1) this.#timers.schedule(this.#drainTimer, this.#drainTimeout)
  }

  /** Called when the stream has room again. */
  drained(): void {
    this.#blockedSince = -1
  }

  /** Called when the connection is being closed: no other deadline counts any more. */
  closing(): void {
    if (this.#drainTimer) this.#timers.cancel(this.#drainTimer)
    this.#deadline = 'close'
    this.#timers.schedule(this, LINGER_MS)
  }

  stop(): void {
    if (this.#drainTimer) this.#timers.cancel(this.#drainTimer)
    this.#timers.cancel(this)
  }

  fire(): void {
    const leftMs =
      this.#deadline === 'keep-alive' ? this.#lastReceived + this.#allowedSilenceMs - this.#timers.now() : 0
    if (leftMs > 0) this.#timers.schedule(this, leftMs)
    else this.#owner.deadlinePassed(this.#deadline)
  }

  #onDrainTimer(): void {
    if (this.#blockedSince < 0) return
    const leftMs = this.#blockedSince + this.#drainTimeout - this.#timers.now()
    if (leftMs > 0) this.#timers.schedule(this.#drainTimer!, leftMs)
    else this.#owner.deadlinePassed('drain')
  }
}
