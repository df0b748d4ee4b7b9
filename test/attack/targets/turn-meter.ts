/**
 * Measures the longest turn of the event loop in CPU time, with and without garbage collection. Wall time means nothing
 * on a shared machine, and the CPU time of the process includes other threads, such as those of the garbage collector.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { PerformanceObserver, performance } from 'node:perf_hooks'

interface Turn {
  from: number
  to: number
  cpuMs: number
}

/** Shorter turns are ignored. */
const NOTABLE_MS = 1

/** How often the system updates the CPU time of a running thread. */
const TICK_MS = 4

/** CPU time of the main thread, with the resolution of a tick. NaN if the system does not provide it. */
class ThreadClock {
  readonly #text = Buffer.alloc(64)
  readonly #file = openedSchedstat()

  /** Milliseconds. */
  now(): number {
    if (this.#file === undefined) return Number.NaN
    readSync(this.#file, this.#text, 0, this.#text.length, 0)
    return Number(this.#text.toString('latin1', 0, this.#text.indexOf(' '))) / 1e6
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
  }
}

function openedSchedstat(): number | undefined {
  try {
    return openSync('/proc/thread-self/schedstat', 'r')
  } catch {
    return undefined
  }
}

export class TurnMeter {
  #turns: Turn[] = []
  readonly #collections: { from: number; to: number }[] = []
  readonly #observer = new PerformanceObserver(list => {
    for (const { startTime, duration } of list.getEntries()) {
      this.#collections.push({ from: startTime, to: startTime + duration })
    }
  })
  readonly #thread = new ThreadClock()
  #running = false

  start(): void {
    this.#running = true
    this.#turns = []
    this.#observer.observe({ entryTypes: ['gc'] })
    let from = performance.now()
    let cpu = process.cpuUsage()
    let thread = this.#thread.now()
    const each = (): void => {
      const to = performance.now()
      const used = process.cpuUsage(cpu)
      const processMs = (used.user + used.system) / 1000
      const threadMs = this.#thread.now() - thread + TICK_MS
      const cpuMs = threadMs < processMs ? threadMs : processMs
      if (cpuMs > NOTABLE_MS) this.#turns.push({ from, to, cpuMs })
      from = performance.now()
      cpu = process.cpuUsage()
      thread = this.#thread.now()
      if (this.#running) setImmediate(each)
    }
    setImmediate(each)
  }

  /** @returns milliseconds of the longest turn */
  async stop(): Promise<{ turnMs: number; turnWithGcMs: number }> {
    this.#running = false
    await new Promise(resolve => setTimeout(resolve, 50))
    this.#observer.disconnect()
    this.#thread.close()
    const without = this.#turns.map(turn => turn.cpuMs - this.#collectedIn(turn))
    return { turnMs: Math.max(0, ...without), turnWithGcMs: Math.max(0, ...this.#turns.map(({ cpuMs }) => cpuMs)) }
  }

  #collectedIn({ from, to }: Turn): number {
    let total = 0
    for (const each of this.#collections) if (each.from >= from && each.to <= to) total += each.to - each.from
    return total
  }
}
