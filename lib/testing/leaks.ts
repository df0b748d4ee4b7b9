/**
 * Leaks of a broker, or of its test: streams, sockets, timers and listeners. Owns the comparison of
 * before and after; ends nothing.
 */
import type { Duplex } from 'node:stream'
import type { Clock } from '../../types/clock.js'
import { duplexPair } from '../client/index.js'

/** A clock that tracks its timers. */
export class WatchedClock implements Clock {
  readonly #clock: Clock
  readonly #timers = new Set<unknown>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Timers that are set and not due yet. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#clock.now()
  }

  monotonic(): number {
    return this.#clock.monotonic?.() ?? this.#clock.now()
  }

  setTimeout(callback: () => void, delayMs: number): unknown {
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(timer)
      callback()
    }, delayMs)
    this.#timers.add(timer)
    return timer
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer)
    this.#clock.clearTimeout(timer)
  }
}

/** The streams passed to a broker, and the process's listeners at the start. */
export class Belongings {
  readonly #streams = new Set<Duplex>()
  readonly #atStart = listenersOf(process)
  readonly #ofFreshStream = listenersOf(duplexPair()[0])

  addStream(stream: Duplex): void {
    this.#streams.add(stream)
  }

  /** One description for each leak; empty if there is none. */
  leaks(): string[] {
    const open = [...this.#streams].filter(stream => !stream.destroyed).length
    return [
      ...(open > 0 ? [`streams that are open: ${open}`] : []),
      ...this.#listenersLeft(),
      ...more(this.#atStart, listenersOf(process)).map(what => `listeners on the process: ${what}`),
    ]
  }

  #listenersLeft(): string[] {
    const closed = [...this.#streams].filter(stream => stream.destroyed)
    const left = closed.flatMap(stream => more(this.#ofFreshStream, listenersOf(stream)))
    return [...new Set(left)].map(what => `listeners on a stream that is closed: ${what}`)
  }
}

interface Emitter {
  eventNames(): (string | symbol)[]
  listenerCount(event: string | symbol): number
}

function listenersOf(emitter: Emitter): Map<string, number> {
  return new Map(emitter.eventNames().map(event => [String(event), emitter.listenerCount(event)]))
}

function more(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): string[] {
  const grown = [...now].filter(([event, count]) => count > (before.get(event) ?? 0))
  return grown.map(([event, count]) => `${count - (before.get(event) ?? 0)} of '${event}'`)
}
