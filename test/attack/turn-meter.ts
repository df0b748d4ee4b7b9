/**
 * The longest that one turn of the event loop took, in CPU time: with what the garbage collector took, and without.
 * Wall time says nothing on a machine that is shared.
 */
import { PerformanceObserver, performance } from 'node:perf_hooks'

interface Turn {
  from: number
  to: number
  cpuMs: number
}

/** Turns shorter than this are not kept. */
const NOTABLE_MS = 1

export class TurnMeter {
  #turns: Turn[] = []
  readonly #collections: { from: number; to: number }[] = []
  readonly #observer = new PerformanceObserver(list => {
    for (const { startTime, duration } of list.getEntries()) {
      this.#collections.push({ from: startTime, to: startTime + duration })
    }
  })
  #running = false

  start(): void {
    this.#running = true
    this.#turns = []
    this.#observer.observe({ entryTypes: ['gc'] })
    let from = performance.now()
    let cpu = process.cpuUsage()
    const each = (): void => {
      const to = performance.now()
      const used = process.cpuUsage(cpu)
      const cpuMs = (used.user + used.system) / 1000
      if (cpuMs > NOTABLE_MS) this.#turns.push({ from, to, cpuMs })
      from = performance.now()
      cpu = process.cpuUsage()
      if (this.#running) setImmediate(each)
    }
    setImmediate(each)
  }

  /** @returns milliseconds of the longest turn */
  async stop(): Promise<{ turnMs: number; turnWithGcMs: number }> {
    this.#running = false
    await new Promise(resolve => setTimeout(resolve, 50))
    this.#observer.disconnect()
    const without = this.#turns.map(turn => turn.cpuMs - this.#collectedIn(turn))
    return { turnMs: Math.max(0, ...without), turnWithGcMs: Math.max(0, ...this.#turns.map(({ cpuMs }) => cpuMs)) }
  }

  #collectedIn({ from, to }: Turn): number {
    let total = 0
    for (const each of this.#collections) if (each.from >= from && each.to <= to) total += each.to - each.from
    return total
  }
}
