/**
 * What happens when a deadline comes: sessions end, wills are published, messages expire. In small steps,
 * so that a million of them at once delay nobody. Owns when to look; the store knows the deadlines.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SessionPersistence } from '../../../types/persistence.js'
import { wrapError } from '../../errors.js'
import type { EventSink } from '../../ports/event-sink.js'
import { Timer, type Timers } from '../../util/timers.js'
import type { SessionRegistry } from './session-registry.js'

/** What one step takes at most; the event loop has its turn after each. */
const STEP = 200

/** How long a store that failed is left in peace. */
const RETRY_MS = 1000

/** What came of a step. */
type Outcome = 'done' | 'more' | 'failed'

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
  /** Until then a store that failed is left in peace, whatever is due. */
  #restUntil = 0
  #stopped = false

  constructor(parts: HousekeepingParts) {
    this.#parts = parts
  }

  /** A deadline may have come nearer. */
  readonly look = (): void => {
    if (this.#stopped || this.#working !== undefined) return
    const next = this.#nextLook()
    if (next === undefined || (this.#timer.index !== -1 && this.#timer.at <= next)) return
    this.#parts.timers.scheduleAt(this.#timer, next)
  }

  /** Publishes the wills that an earlier run owes: to be called before their clients can come back [MQTT-3.1.2-8]. */
  async publishOwedWills(): Promise<void> {
    const { sessions } = this.#parts
    // an attempt before this one may have published some that it could not delete
    await sessions.settleOwed()
    while (await sessions.publishDueWills(STEP));
  }

  /** Looks no more; resolves when what it was doing is done. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#parts.timers.cancel(this.#timer)
    await this.#working
  }

  #nextLook(): number | undefined {
    const { store, sessions, events, timers } = this.#parts
    const again = timers.now() + RETRY_MS
    try {
      const deadline = store.nextDeadline()
      const next = sessions.owes ? Math.min(deadline ?? again, again) : deadline
      return next === undefined ? undefined : Math.max(next, this.#restUntil)
    } catch (error) {
      events.emit('storeError', wrapError('ANAX_ERR_STORE', error))
      return again
    }
  }

  #start(): void {
    if (this.#stopped || this.#working !== undefined) return
    this.#working = this.#work().then(outcome => {
      this.#working = undefined
      if (outcome === 'failed') this.#rest()
      else this.look()
    })
  }

  #rest(): void {
    const { timers } = this.#parts
    this.#restUntil = timers.now() + RETRY_MS
    if (!this.#stopped) timers.scheduleAt(this.#timer, this.#restUntil)
  }

  async #work(): Promise<Outcome> {
    for (;;) {
      const outcome = await this.#step()
      if (outcome !== 'more' || this.#stopped) return outcome
      await nextTurn()
    }
  }

  /** Each part whatever becomes of the others. */
  async #step(): Promise<Outcome> {
    const { sessions } = this.#parts
    const outcomes = [
      await this.#attempt(() => sessions.settleOwed()),
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
    const { dropped, retained, more } = await store.sweep(timers.now(), STEP)
    for (const drop of dropped) events.emit('drop', drop)
    for (const message of retained) events.emit('retainedExpired', message)
    return more
  }
}
