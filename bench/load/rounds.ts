/** Repeats something for a time, several at once: what each costs the broker, and how long it takes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Stopwatch } from '../measure.js'
import type { LoadContext, Sample } from '../types.js'
import { Histogram } from './histogram.js'
import { busyStretch } from './stretch.js'

/** The factor by which this takes longer than with messages, of which there are more in the same time. */
const LONGER = 2

/** The minimum share of the time that a broker works, even if each waits for the other. */
const BUSY = 0.2

const LOOK_MS = 20

export interface RoundsPlan {
  /** How many run at the same time. */
  atOnce: number
  /** How many run before measuring: code that runs once for each needs thousands to be compiled. */
  before: number
}

/** @param one does it once; gets its number, and its place among those that run at the same time */
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
