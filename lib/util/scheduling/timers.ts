/**
 * All timers of a broker (keep alive, connect, drain, expiry) behind one timer of the clock.
 * Owns when they fire; must not know what they are for.
 */
import type { Clock } from '../../../types/clock.js'
import { Heap, type HeapItem } from '../collections/heap.js'
import { Cost, Fairness, TurnShare } from './fairness.js'
import { setImmediate } from './set-immediate.js'

/** The longest delay that Node's timers support. A timer that is due later is scheduled again at that time. */
const LONGEST_DELAY_MS = 2 ** 31 - 1

/** Due times are rounded up to a multiple of this, so that thousands of timers share one wake-up. */
const GRANULARITY_MS = 50

/** Something that can be scheduled. It may be scheduled again, before or after it fires. */
export interface Scheduled extends HeapItem {
  at: number
  fire(): void
}

/** One timer. An object of which there are very many implements {@link Scheduled} itself instead. */
export class Timer implements Scheduled {
  readonly fire: () => void
  at = 0
  index = -1

  constructor(fire: () => void) {
    this.fire = fire
  }
}

/** The timers that are scheduled. */
export class Timers {
  readonly #clock: Clock
  readonly #fairness: Fairness
  /** The share of a turn of the event loop for due timers. */
  readonly #share = new TurnShare({ resume: () => this.#fireDue() })
  readonly #heap = new Heap<Scheduled>()
  #alarm: unknown
  #alarmAt = Number.POSITIVE_INFINITY

  #ringing = false

  constructor(clock: Clock, fairness = new Fairness()) {
    this.#clock = clock
    this.#fairness = fairness
  }

  /** Monotonic milliseconds: deadlines within this process use them, so that setting the system clock has no effect. */
  now(): number {
    return this.#clock.monotonic === undefined ? this.#clock.now() : this.#clock.monotonic()
  }

  /** Milliseconds since the epoch, for stored times. */
  wallTime(): number {
    return this.#clock.now()
  }

  /** Schedules or reschedules a timer to fire in `delayMs`: never earlier, at most 50 ms later. */
  schedule(timer: Scheduled, delayMs: number): void {
    this.scheduleAt(timer, this.now() + delayMs)
  }

  /** Schedules or reschedules a timer to fire at a time of {@link Timers.now}. */
  scheduleAt(timer: Scheduled, at: number): void {
    this.cancel(timer)
    timer.at = Math.ceil(at / GRANULARITY_MS) * GRANULARITY_MS
    this.#heap.add(timer)
    this.#arm()
  }

  cancel(timer: Scheduled): void {
    this.#heap.remove(timer)
  }

  /** Resolves when the promise does, or after `delayMs`; 0 waits without a limit. */
  async within(delayMs: number, promise: Promise<unknown>): Promise<void> {
    if (delayMs === 0) {
      await promise
      return
    }
    const timer = new Timer(() => late())
    let late = () => {}
    const bound = new Promise<void>(resolve => {
      late = resolve
    })
    this.schedule(timer, delayMs)
    try {
      await Promise.race([promise, bound])
    } finally {
      this.cancel(timer)
    }
  }

  /** Cancels every timer. */
  clear(): void {
    this.#heap.clear()
    this.#clock.clearTimeout(this.#alarm)
    this.#alarmAt = Number.POSITIVE_INFINITY
  }

  #arm(): void {
    const next = this.#heap.first
    if (next === undefined || this.#ringing || next.at >= this.#alarmAt) return
    this.#clock.clearTimeout(this.#alarm)
    this.#alarmAt = next.at
    const delayMs = Math.min(LONGEST_DELAY_MS, Math.max(0, next.at - this.now()))
    this.#alarm = this.#clock.setTimeout(this.#ring, delayMs)
  }

  /**
   * The event loop runs timers before it reads sockets. So data that a client, a store or a hook sent while the loop
   * was busy is still unread. It is read before any timer declares its sender late.
   */
  readonly #ring = (): void => {
    this.#alarmAt = Number.POSITIVE_INFINITY
    this.#ringing = true
    afterReading(this.#fireDue)
  }

  readonly #fireDue = (): void => {
    const fairness = this.#fairness
    if (!fairness.begin(this.#share)) return
    try {
      for (let next = this.#due(); next !== undefined && !fairness.isSpent; next = this.#due()) {
        this.cancel(next)
        fairness.spend(Cost.deadline)
        next.fire()
      }
    } finally {
      // A timer that throws must not keep the others from firing.
      fairness.end(this.#share)
      this.#goOn()
    }
  }

  #due(): Scheduled | undefined {
    const { first } = this.#heap
    return first !== undefined && first.at <= this.now() ? first : undefined
  }

  /** Due timers without room in this turn fire in a later one: thousands of clients may fall silent at once. */
  #goOn(): void {
    this.#ringing = this.#due() !== undefined
    if (this.#ringing) this.#fairness.wait(this.#share)
    else this.#arm()
  }
}

/**
 * Calls back after the event loop has read its sockets. One round reads them; `ws` and TLS may emit what they decoded a
 * round later.
 */
function afterReading(callback: () => void): void {
  setImmediate(() => setImmediate(callback))
}
