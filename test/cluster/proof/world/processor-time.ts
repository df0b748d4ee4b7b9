/** Processor time and memory of processes, from /proc. */
import { readFileSync } from 'node:fs'

/** Linux counts processor time in these. */
const MS_PER_TICK = 10

/** @returns a function that returns the milliseconds of processor time that these processes have used since then */
export function meter(...pids: number[]): () => number {
  const used = () => pids.reduce((all, pid) => all + processorMs(pid), 0)
  const before = used()
  return () => used() - before
}

export function memoryKib(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1])
}

/** Microseconds for one of `count` operations. */
export function perOne(ms: number, count: number): number {
  return Math.round((ms * 1000) / count)
}

function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK
}
