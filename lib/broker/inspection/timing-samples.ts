/** The host's listeners for timings. Checks what the host passes; what is timed is elsewhere. */
import type { SampleOptions, TimingListener } from '../../../types/inspection.js'
import { AnaxError } from '../../errors.js'
import type { Timings } from '../../model/metering/timings.js'

const DEFAULT_EVERY = 256

/**
 * @returns a function that ends it
 * @throws AnaxError ANAX_ERR_ARGUMENT
 */
export function sampleTimings(
  timings: Timings,
  listener: TimingListener,
  { every = DEFAULT_EVERY }: SampleOptions,
): () => void {
  if (typeof listener !== 'function') throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: 'a function is expected' })
  if (!Number.isInteger(every) || every < 1) {
    throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `every: a positive integer, not ${every}` })
  }
  // the same function twice is told twice, and each ends alone
  const own: TimingListener = timing => listener(timing)
  timings.add(own, every)
  return () => timings.delete(own)
}
