/**
 * CPU time and memory of a process, as the operating system counts them.
 * Knows nothing of brokers; works for any process of the same user on Linux.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** Length of the tick that /proc/PID/stat counts in. */
const TICK_NS = 10_000_000

function schedstatNs(pid: number): number {
  let sum = 0
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0])
  }
  return sum
}

function schedNs(pid: number): number {
  let sum = 0
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${task}/sched`, 'latin1')
    sum += Number(/sum_exec_runtime\s*:\s*([\d.]+)/.exec(text)![1]) * 1e6
  }
  return sum
}

function statNs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_NS
}

const sources = { schedstat: schedstatNs, sched: schedNs, stat: statNs }

function works(read: (pid: number) => number): boolean {
  try {
    return read(process.pid) > 0
  } catch {
    return false
  }
}

/** Where CPU time is read from: the first of these that the kernel offers; `stat` counts in 10 ms. */
export const cpuSource: keyof typeof sources = works(schedstatNs) ? 'schedstat' : works(schedNs) ? 'sched' : 'stat'

/** CPU time of all threads of a process, in microseconds. */
export function cpuMicros(pid: number): number {
  return sources[cpuSource](pid) / 1000
}

/** Resident memory of a process in bytes. */
export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) * 1024
}

/** How many files a process may have open. */
export function openFilesLimit(): number {
  const limit = /Max open files\s+\S+\s+(\S+)/.exec(readFileSync('/proc/self/limits', 'latin1'))![1]!
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit)
}

/** A stretch of time: what the broker and this process used of it. */
export class Stopwatch {
  readonly #pid: number
  #wall = 0
  #broker = 0
  #own = 0

  constructor(pid: number) {
    this.#pid = pid
    this.restart()
  }

  restart(): void {
    this.#broker = cpuMicros(this.#pid)
    this.#own = cpuMicros(process.pid)
    this.#wall = performance.now()
  }

  read(): { seconds: number; brokerMicros: number; ownShare: number } {
    const seconds = (performance.now() - this.#wall) / 1000
    return {
      seconds,
      brokerMicros: cpuMicros(this.#pid) - this.#broker,
      ownShare: (cpuMicros(process.pid) - this.#own) / 1e6 / seconds,
    }
  }
}
