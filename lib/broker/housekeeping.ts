/**
 * What happens when a deadline comes: sessions end, wills are published, messages expire. In small steps,
 * so that a million of them at once delay nobody. Owns when to look; the store knows the deadlines.
 */
import type { SessionPersistence } from '../../types/persistence.js'
import { wrapError } from '../errors.js'
import type { EventSink } from '../session/ports.js'
import { Timer, type Timers } from '../session/timers.js'
import type { SessionRegistry } from './session-registry.js'

/** What one step takes at most; the event loop has its turn after each. */
const STEP = 200

/** How long a store that failed is left in peace. */
const RETRY_MS = 1000

export interface HousekeepingParts {
  store: SessionPersistence
  sessions: SessionRegistry
  events: EventSink
  timers: Timers
}

export class Housekeeping {
  readonly #parts: HousekeepingParts
  readonly #timer = new Timer(() => this.#start())
  #working: Promise<void> | undefined
  #stopped = false

  constructor(parts: HousekeepingParts) {
    this.#parts = parts
  }

  /** A deadline may have come nearer. */
  readonly look = (): void => {
    if (this.#stopped || this.#working !== undefined) return
    const next = this.#parts.store.nextDeadline()
    if (next === undefined || (this.#timer.index !== -1 && this.#timer.at <= next)) return
    this.#parts.timers.scheduleAt(this.#timer, next)
  }

  /** Publishes the wills that an earlier run owes: to be called before their clients can come back [MQTT-3.1.2-8]. */
  async publishOwedWills(): Promise<void> {
    while (await this.#parts.sessions.publishDueWills(STEP));
  }

  /** Looks no more; resolves when what it was doing is done. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#parts.timers.cancel(this.#timer)
    await this.#working
  }

  #start(): void {
    if (this.#stopped || this.#working !== undefined) return
    this.#working = this.#work().then(
      () => {
        this.#working = undefined
        this.look()
      },
      error => {
        this.#working = undefined
        this.#parts.events.emit('storeError', wrapError('ANAX_ERR_STORE', error))
        if (!this.#stopped) this.#parts.timers.schedule(this.#timer, RETRY_MS)
      },
    )
  }

  async #work(): Promise<void> {
    while (!this.#stopped && (await this.#step())) await new Promise<void>(resolve => setImmediate(resolve))
  }

  /** @returns whether there is more to do */
  async #step(): Promise<boolean> {
    const { store, sessions, events, timers } = this.#parts
    const moreWills = await sessions.publishDueWills(STEP)
    const moreSessions = await sessions.endExpired(STEP)
    const { dropped, retained, more } = await store.sweep(timers.now(), STEP)
    for (const drop of dropped) events.emit('drop', drop)
    for (const message of retained) events.emit('retainedExpired', message)
    return more || moreWills || moreSessions
  }
}
