/** The host's listeners for timings. Checks the host's arguments; the timing is done elsewhere. */
import type { SampleOptions, TimingListener } from '../../../types/broker/inspection.js'
import { AnaxError } from '../../errors.js'
import type { Timings } from '../../model/metering/timings.js'

const DEFAULT_EVERY = 256

/**
 * @returns a function that removes the listener
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
  // a function that is passed twice is called twice, and each registration ends separately
  const own: TimingListener = timing => listener(timing)
  timings.add(own, every)
  return () => timings.delete(own)
}
