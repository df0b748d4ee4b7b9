/**
 * Slows one client down to its rates: counts what it sends, and decides when to stop reading. Owns how long the client
 * has been slowed down. Must not know streams or packets.
 */
import type { RateLimit } from '../../../types/broker/events.js'
import type { LimitedRate } from '../../ports/admission.js'
import type { Timers } from '../../util/scheduling/timers.js'

/**
 * A second without waiting ends an episode. Each episode is reported once, and its whole duration counts against the
 * patience.
 */
const BREAK_MS = 1000

/** Is notified by the throttle. */
export interface ThrottleOwner {
  /** The client has to wait, for the first time or after a break. */
  slowed(limit: RateLimit): void
  /** Reading may continue. */
  resume(): void
  /** The client exceeded its own rate for too long. */
  outOfPatience(limit: RateLimit): void
}

export interface ThrottleParts {
  rates: readonly LimitedRate[]
  timers: Timers
  /** How long the client may exceed its own rate. */
  patienceMs: number
}

/** An uninterrupted period of waiting. */
class Episode {
  #since = 0
  #until = Number.NEGATIVE_INFINITY

  /** @returns whether it begins */
  begin(now: number): boolean {
    const isNew = now - this.#until > BREAK_MS
    if (isNew) this.#since = now
    this.#until = Number.POSITIVE_INFINITY
    return isNew
  }

  /** @returns how long it has lasted */
  end(now: number): number {
    this.#until = now
    return now - this.#since
  }
}

export class Throttle {
  readonly #owner: ThrottleOwner
  readonly #timers: Timers
  readonly #patienceMs: number
  readonly #messages: readonly LimitedRate[]
  readonly #bytes: readonly LimitedRate[]
  #waitsFor: LimitedRate | undefined
  readonly #slowed = new Episode()
  readonly #aboveOwn = new Episode()

  constructor(owner: ThrottleOwner, { rates, timers, patienceMs }: ThrottleParts) {
    this.#owner = owner
    this.#timers = timers
    this.#patienceMs = patienceMs
    this.#messages = rates.filter(({ what }) => what === 'messages')
    this.#bytes = rates.filter(({ what }) => what === 'bytes')
  }

  /** Whether nothing more may be read. */
  get isWaiting(): boolean {
    return this.#waitsFor !== undefined
  }

  /** Counts a message. @returns whether the client has to wait before the next one */
  message(): boolean {
    return this.#pay(this.#messages, 1)
  }

  /** Counts bytes. @returns whether the client has to wait */
  received(bytes: number): boolean {
    return this.#pay(this.#bytes, bytes)
  }

  /** Stops waiting. */
  stop(): void {
    this.#waitsFor?.bucket.leave(this)
    this.#waitsFor = undefined
  }

  /** Called when the bucket has tokens again. */
  passes(): void {
    const passed = this.#waitsFor
    if (passed === undefined) return
    this.#waitsFor = undefined
    const now = this.#timers.now()
    this.#slowed.end(now)
    if (passed.of === 'client' && this.#aboveOwn.end(now) >= this.#patienceMs) this.#owner.outOfPatience(passed)
    else if (!this.#mustWait(this.#messages) && !this.#mustWait(this.#bytes)) this.#owner.resume()
  }

  #pay(rates: readonly LimitedRate[], amount: number): boolean {
    for (const { bucket } of rates) bucket.pay(amount)
    return this.isWaiting || this.#mustWait(rates)
  }

  #mustWait(rates: readonly LimitedRate[]): boolean {
    for (const rate of rates) {
      if (!rate.bucket.isClosed) continue
      this.#wait(rate)
      return true
    }
    return false
  }

  #wait(rate: LimitedRate): void {
    const now = this.#timers.now()
    this.#waitsFor = rate
    if (rate.of === 'client') this.#aboveOwn.begin(now)
    rate.bucket.wait(this)
    const { of, what } = rate
    if (this.#slowed.begin(now)) this.#owner.slowed({ of, what })
  }
}
