/**
 * A client's keep alive: sends PINGREQ in time, and ends the connection if it is not answered. Knows the clock, and no
 * packet.
 */
import type { Clock } from '../../types/clock.js'

export class KeepAlive {
  readonly #clock: Clock
  readonly #ms: number
  readonly #actions: { ping(): void; silent(): void }
  #timer: unknown
  #lastSent: number
  #unanswered = false

  constructor(clock: Clock, ms: number, actions: { ping(): void; silent(): void }) {
    this.#clock = clock
    this.#ms = ms
    this.#actions = actions
    this.#lastSent = this.#now()
    this.#schedule(ms)
  }

  sent(): void {
    this.#lastSent = this.#now()
  }

  heard(): void {
    this.#unanswered = false
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer)
  }

  #schedule(ms: number): void {
    if (this.#ms > 0) this.#timer = this.#clock.setTimeout(() => this.#look(), ms)
  }

  #now(): number {
    return this.#clock.monotonic?.() ?? this.#clock.now()
  }

  #look(): void {
    const left = this.#lastSent + this.#ms - this.#now()
    if (left > 0) {
      this.#schedule(left)
    } else if (this.#unanswered) {
      this.#actions.silent()
    } else {
      this.#unanswered = true
      this.#schedule(this.#ms)
      this.#actions.ping()
    }
  }
}
