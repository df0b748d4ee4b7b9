/** Something done over and over, some at a time, for a stretch of time: what each costs the broker, and how long it takes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuMicros, Stopwatch } from '../measure.js'
import type { LoadContext, Sample } from '../types.js'
import { Histogram } from './histogram.js'
import { busyStretch } from './stretch.js'

/** It goes on for so much longer than messages do, of which there are more in the same time. */
const LONGER = 2

/** The share of the time that a broker works for at least, even where one waits for the other. */
const BUSY = 0.2

/** So many before it is measured: what is done once per connection takes thousands of them until it is compiled. */
const WARM_ROUNDS = 4000
/** Or until the broker has worked for so many times the time of warming up: handshakes are dear, and no code of Node's. */
const WARM_BUSY = 2
const LOOK_MS = 20

/** @param one does it once; it gets a number of its own, and that of its place among those at a time */
export async function measureRounds(
  { effort, pid, measuring }: LoadContext,
  atOnce: number,
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
  const enough = cpuMicros(pid) + effort.warmup * 1e6 * WARM_BUSY
  await unlessOneFails(busyStretch(pid, effort.warmup * LONGER, BUSY))
  while (done < WARM_ROUNDS && cpuMicros(pid) < enough) await unlessOneFails(sleep(LOOK_MS))
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
