/**
 * Handles deadlines: ends sessions, publishes wills, removes expired messages. Works in small steps, so that a million
 * deadlines at once do not block the event loop. Owns when to check; the store knows the deadlines.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SessionPersistence } from '../../../types/persistence.js'
import { wrapError } from '../../errors.js'
import type { EventSink } from '../../ports/event-sink.js'
import { Timer, type Timers } from '../../util/scheduling/timers.js'
import type { SessionRegistry } from './session-registry.js'

/** Items per step; yields to the event loop after each step. */
const STEP = 200

/** Retry delay after a failure of the store, in milliseconds. */
const RETRY_MS = 1000

/**
 * Longest time between two checks, in milliseconds. Deadlines are in wall time and timers are not: the system clock may
 * be set meanwhile.
 */
const LOOK_AGAIN_MS = 60_000

/** The outcome of a step. */
type Outcome = 'done' | 'more' | 'failed'

export interface HousekeepingParts {
  store: SessionPersistence
  sessions: SessionRegistry
  events: EventSink
  timers: Timers
}

export class Housekeeping {
  readonly #parts: HousekeepingParts
  readonly #timer = new Timer(() => this.#onTimer())
  #working: Promise<void> | undefined
  /** End of the retry delay after a failure of the store; 0 if the last step succeeded. */
  #pauseUntil = 0
  #stopped = false

  constructor(parts: HousekeepingParts) {
    this.#parts = parts
  }

  /** Called when a deadline may have become earlier. */
  readonly look = (): void => {
    if (this.#stopped || this.#working !== undefined) return
    const next = this.#nextLook()
    if (next === undefined || (this.#timer.index !== -1 && this.#timer.at <= next)) return
    this.#parts.timers.scheduleAt(this.#timer, next)
  }

  /** Publishes the wills left by an earlier run. Must be called before their clients can reconnect [MQTT-3.1.2-8]. */
  async publishWillsLeft(): Promise<void> {
    const { sessions } = this.#parts
    // an attempt before this one may have published some that it could not delete
    await sessions.retryFailedWrites()
    while (await sessions.publishDueWills(STEP));
  }

  /** Stops checking deadlines; resolves when the current step is done. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#parts.timers.cancel(this.#timer)
    await this.#working
  }

  /** The time of the next check, in the time of the timers; undefined without a deadline. */
  #nextLook(): number | undefined {
    const { store, sessions, events, timers } = this.#parts
    const now = timers.now()
    try {
      const deadline = store.nextDeadline()
      if (deadline === undefined && !sessions.hasFailedWrites) return undefined
      const untilDeadline = deadline === undefined ? LOOK_AGAIN_MS : Math.max(0, deadline - timers.wallTime())
      const delay = Math.min(untilDeadline, sessions.hasFailedWrites ? RETRY_MS : LOOK_AGAIN_MS)
      return Math.max(now + delay, this.#pauseUntil)
    } catch (error) {
      events.emit('storeError', wrapError('ANAX_ERR_STORE', error))
      return now + RETRY_MS
    }
  }

  #onTimer(): void {
    if (this.#isDue()) this.#start()
    else this.look()
  }

  #isDue(): boolean {
    const { store, sessions, events, timers } = this.#parts
    try {
      return (
        this.#pauseUntil > 0 ||
        sessions.hasFailedWrites ||
        (store.nextDeadline() ?? Number.POSITIVE_INFINITY) <= timers.wallTime()
      )
    } catch (error) {
      events.emit('storeError', wrapError('ANAX_ERR_STORE', error))
      return true
    }
  }

  #start(): void {
    if (this.#stopped || this.#working !== undefined) return
    this.#pauseUntil = 0
    this.#working = this.#work().then(outcome => {
      this.#working = undefined
      if (outcome === 'failed') this.#pause()
      else this.look()
    })
  }

  #pause(): void {
    const { timers } = this.#parts
    this.#pauseUntil = timers.now() + RETRY_MS
    if (!this.#stopped) timers.scheduleAt(this.#timer, this.#pauseUntil)
  }

  async #work(): Promise<Outcome> {
    for (;;) {
      const outcome = await this.#step()
      if (outcome !== 'more' || this.#stopped) return outcome
      await nextTurn()
    }
  }

  /** Runs all parts, even if some fail. */
  async #step(): Promise<Outcome> {
    const { sessions } = this.#parts
    const outcomes = [
      await this.#attempt(() => sessions.retryFailedWrites()),
      await this.#attempt(() => sessions.publishDueWills(STEP)),
      await this.#attempt(() => sessions.endExpired(STEP)),
      await this.#attempt(() => this.#sweep()),
    ]
    return outcomes.includes('failed') ? 'failed' : outcomes.includes('more') ? 'more' : 'done'
  }

  /** @param part may say whether there is more to do */
  async #attempt(part: () => Promise<boolean | void>): Promise<Outcome> {
    try {
      return (await part()) === true ? 'more' : 'done'
    } catch (error) {
      this.#parts.events.emit('storeError', wrapError('ANAX_ERR_STORE', error))
      return 'failed'
    }
  }

  async #sweep(): Promise<boolean> {
    const { store, events, timers } = this.#parts
    const { dropped, retained, more } = await store.sweep(timers.wallTime(), STEP)
    for (const drop of dropped) events.emit('drop', drop)
    for (const message of retained) events.emit('retainedExpired', message)
    return more
  }
}
