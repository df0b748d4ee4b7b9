/**
 * CPU time and memory of a process, as the operating system counts them. Knows nothing of brokers; works for any
 * process of the same user on Linux.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** The length of a tick in /proc/PID/stat. */
const TICK_NS = 10_000_000

function schedstatNs(thread: string): number {
  return Number(readFileSync(`${thread}/schedstat`, 'latin1').split(' ')[0])
}

function schedNs(thread: string): number {
  const text = readFileSync(`${thread}/sched`, 'latin1')
  return Number(/sum_exec_runtime\s*:\s*([\d.]+)/.exec(text)![1]) * 1e6
}

function statNs(thread: string): number {
  const text = readFileSync(`${thread}/stat`, 'latin1')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_NS
}

/** Each reads the time of one thread from its folder. */
const sources = { schedstat: schedstatNs, sched: schedNs, stat: statNs }

function mainThread(pid: number): string {
  return `/proc/${pid}/task/${pid}`
}

function works(read: (thread: string) => number): boolean {
  try {
    return read(mainThread(process.pid)) > 0
  } catch {
    return false
  }
}

/** The source of CPU time: the first of these that the kernel offers; `stat` counts in 10 ms. */
export const cpuSource: keyof typeof sources = works(schedstatNs) ? 'schedstat' : works(schedNs) ? 'sched' : 'stat'

/** Zero if the process has ended: a helper of a broker may end at any time. */
function ofProcess(pid: number, read: (pid: number) => number): number {
  try {
    return read(pid)
  } catch {
    return 0
  }
}

function threadsNs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`).map(task => `/proc/${pid}/task/${task}`)
  return threads.reduce((sum, thread) => sum + sources[cpuSource](thread), 0)
}

function parentOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1])
}

/** A process and all its descendants: a program may start a separate process for its work. */
export function withDescendants(pid: number): number[] {
  const others = readdirSync('/proc').map(Number).filter(Number.isInteger)
  const parents = new Map(others.map(one => [one, ofProcess(one, parentOf)]))
  const found = [pid]
  for (const parent of found) found.push(...others.filter(one => parents.get(one) === parent))
  return found
}

/** CPU time of all threads of a process and its descendants, in microseconds. */
export function cpuMicros(pid: number): number {
  return withDescendants(pid).reduce((sum, one) => sum + ofProcess(one, threadsNs), 0) / 1000
}

/** How one thread spent its time, in microseconds; it slept the rest. */
export interface ThreadTimes {
  ran: number
  /** Ready to run while others had the core; 0 if the kernel does not report it. */
  delayed: number
}

/** Of the main thread of a process, since its start. */
export function mainThreadTimes(pid: number): ThreadTimes {
  const thread = mainThread(pid)
  const ran = sources[cpuSource](thread) / 1000
  if (cpuSource !== 'schedstat') return { ran, delayed: 0 }
  return { ran, delayed: Number(readFileSync(`${thread}/schedstat`, 'latin1').split(' ')[1]) / 1000 }
}

function residentOf(pid: number): number {
  return Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) * 1024
}

/** Resident memory of a process and its descendants, in bytes. */
export function residentBytes(pid: number): number {
  return withDescendants(pid).reduce((sum, one) => sum + ofProcess(one, residentOf), 0)
}

/** How many files a process may have open. */
export function openFilesLimit(): number {
  const limit = /Max open files\s+\S+\s+(\S+)/.exec(readFileSync('/proc/self/limits', 'latin1'))![1]!
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit)
}

/** An interval: what the broker and this process used of it. */
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
