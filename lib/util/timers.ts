/**
 * All deadlines of a broker behind one timer of the clock: keep alive, connect, drain, expiry.
 * Owns the order of deadlines; must not know what happens at one.
 */
import type { Clock } from '../../types/clock.js'

/** Deadlines are rounded up to this, so that thousands of them share a wake-up. */
const GRANULARITY_MS = 50

/** One deadline; scheduled again after it fired, or moved, as often as its owner likes. */
export class Timer {
  readonly fire: () => void
  /** Milliseconds since the epoch. */
  at = 0
  /** Place in the heap; -1 while not scheduled. */
  index = -1

  constructor(fire: () => void) {
    this.fire = fire
  }
}

/** A binary heap of timers, the next one on top. */
export class Timers {
  readonly #clock: Clock
  readonly #heap: Timer[] = []
  #alarm: unknown
  #alarmAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#clock.now()
  }

  /** (Re)schedules a timer to fire in `delayMs`, not earlier and at most 50 ms later. */
  schedule(timer: Timer, delayMs: number): void {
    this.scheduleAt(timer, this.#clock.now() + delayMs)
  }

  scheduleAt(timer: Timer, at: number): void {
    this.cancel(timer)
    timer.at = Math.ceil(at / GRANULARITY_MS) * GRANULARITY_MS
    this.#heap.push(timer)
    this.#rise(this.#heap.length - 1)
    this.#arm()
  }

  cancel(timer: Timer): void {
    const index = timer.index
    if (index === -1) return
    timer.index = -1
    const last = this.#heap.pop()!
    if (last === timer) return
    this.#place(last, index)
    this.#sink(index)
    this.#rise(last.index)
  }

  /** Resolves when the promise does, at the latest after `delayMs`; 0 for no bound. */
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

  /** Forgets every timer. */
  clear(): void {
    for (const timer of this.#heap) timer.index = -1
    this.#heap.length = 0
    this.#clock.clearTimeout(this.#alarm)
    this.#alarmAt = Number.POSITIVE_INFINITY
  }

  #arm(): void {
    const next = this.#heap[0]
    if (next === undefined || next.at >= this.#alarmAt) return
    this.#clock.clearTimeout(this.#alarm)
    this.#alarmAt = next.at
    this.#alarm = this.#clock.setTimeout(this.#ring, Math.max(0, next.at - this.#clock.now()))
  }

  readonly #ring = (): void => {
    this.#alarmAt = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    try {
      for (let next = this.#heap[0]; next !== undefined && next.at <= now; next = this.#heap[0]) {
        this.cancel(next)
        next.fire()
      }
    } finally {
      // one that throws does not stop the others
      this.#arm()
    }
  }

  #place(timer: Timer, index: number): void {
    this.#heap[index] = timer
    timer.index = index
  }

  #rise(from: number): void {
    const timer = this.#heap[from]!
    let index = from
    while (index > 0) {
      const parent = this.#heap[(index - 1) >> 1]!
      if (parent.at <= timer.at) break
      this.#place(parent, index)
      index = (index - 1) >> 1
    }
    this.#place(timer, index)
  }

  #sink(from: number): void {
    const timer = this.#heap[from]!
    let index = from
    for (;;) {
      let child = 2 * index + 1
      if (child >= this.#heap.length) break
      if (child + 1 < this.#heap.length && this.#heap[child + 1]!.at < this.#heap[child]!.at) child++
      if (this.#heap[child]!.at >= timer.at) break
      this.#place(this.#heap[child]!, index)
      index = child
    }
    this.#place(timer, index)
  }
}
