/**
 * Something done over and over, some at a time, for a stretch of time: what each costs the broker, and how long it
 * takes.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Stopwatch } from '../measure.js'
import type { LoadContext, Sample } from '../types.js'
import { Histogram } from './histogram.js'
import { busyStretch } from './stretch.js'

/** It goes on for so much longer than messages do, of which there are more in the same time. */
const LONGER = 2

/** The share of the time that a broker works for at least, even where one waits for the other. */
const BUSY = 0.2

const LOOK_MS = 20

export interface RoundsPlan {
  /** How many are under way. */
  atOnce: number
  /** How many there are at least before it is measured: code that runs once for each takes thousands to be compiled. */
  before: number
}

/** @param one does it once; it gets a number of its own, and that of its place among those at a time */
export async function measureRounds(
  { effort, pid, measuring }: LoadContext,
  { atOnce, before: least }: RoundsPlan,
  one: (index: number, place: number) => Promise<void>,
): Promise<Sample> {
  const latency = new Histogram()
  let begun = 0
  let done = 0
  let running = true
  const work = async (place: number) => {
    while (running) {
      const start = performance.now()
      await one(begun++, place)
      latency.add(Math.round((performance.now() - start) * 1000))
      done++
    }
  }
  const workers = Promise.all(Array.from({ length: atOnce }, (_, place) => work(place)))
  const unlessOneFails = (promise: Promise<void>) => Promise.race([promise, workers])
  await unlessOneFails(busyStretch(pid, effort.warmup * LONGER, BUSY))
  while (done < least) await unlessOneFails(sleep(LOOK_MS))
  await measuring('begin')
  latency.clear()
  const before = done
  const watch = new Stopwatch(pid)
  await unlessOneFails(busyStretch(pid, effort.seconds * LONGER, BUSY))
  const { seconds, brokerMicros, ownShare } = watch.read()
  const count = done - before
  await measuring('end')
  running = false
  await workers
  return {
    cpu: brokerMicros / count,
    rate: count / seconds,
    p50: latency.percentile(0.5),
    p99: latency.percentile(0.99),
    p999: latency.percentile(0.999),
    generator: ownShare,
  }
}
