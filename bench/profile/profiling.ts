/**
 * Measures brokers twice: once without a profiler, for the cost of a delivery, and once with a profile of the measured
 * seconds, for how the time is divided. Keeps the measurements until all repetitions are done.
 */
import type { Certificate } from '../brokers/certificate.js'
import type { RunningBroker } from '../brokers/running.js'
import { cpuMicros, mainThreadTimes } from '../measure.js'
import { type Failure, measure, type Observer } from '../measurement.js'
import type { Row } from '../statistics.js'
import type { BrokerName, Effort, Sample, Scenario } from '../types.js'
import { type Budget, budgetOf, type Observation } from './budget.js'
import type { Profile } from './self-times.js'

/** Brokers whose functions are in the table of parts. */
export const profiledBrokers: readonly BrokerName[] = ['anax', 'relay']

/** The default scenarios. */
export const profiledByDefault: readonly string[] = [
  'qos0-pairs',
  'qos0-single',
  'qos0-bursts',
  'qos0-fan-in',
  'qos0-16k',
  'qos1-pairs',
  'qos2-pairs',
  'conn-storm',
]

/** Scenarios of the library that have CPU time: those about messages, and those about connecting. */
export function canBeProfiled({ section, headline }: Scenario): boolean {
  return (section === 'messages' || section === 'connections') && headline === 'cpu'
}

/** The share of the CPU time meanwhile that was not the main thread's. */
class ThreadsObserver implements Observer {
  #all = 0
  #mainThread = 0

  async begin({ pid }: RunningBroker): Promise<void> {
    this.#all = cpuMicros(pid)
    this.#mainThread = mainThreadTimes(pid).ran
  }

  async end({ pid }: RunningBroker): Promise<void> {
    this.#all = cpuMicros(pid) - this.#all
    this.#mainThread = mainThreadTimes(pid).ran - this.#mainThread
  }

  get share(): number {
    return 1 - this.#mainThread / this.#all
  }
}

/** The functions of the broker during the measurement. */
class ProfileObserver implements Observer {
  profile: Profile | undefined

  async begin({ profiler }: RunningBroker): Promise<void> {
    await profiler!.start()
  }

  async end({ profiler }: RunningBroker): Promise<void> {
    this.profile = await profiler!.stop()
  }
}

/** One repetition of one scenario with one broker. */
interface Repetition {
  otherThreads: number
  profile: Profile
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function summary(repetitions: readonly Repetition[]): Omit<Observation, 'cpu'> {
  return {
    otherThreads: mean(repetitions.map(({ otherThreads }) => otherThreads)),
    functions: repetitions.flatMap(({ profile }) => profile.functions),
    presence: mean(repetitions.map(({ profile }) => profile.presence)),
  }
}

/** One run of the benchmark with profiles. */
export class Profiling {
  readonly #seen = new Map<string, Repetition[]>()

  /** Replaces `measure`: the same sample, and a profile. */
  readonly measure = async (
    scenario: Scenario,
    broker: BrokerName,
    effort: Effort,
    certificate: Certificate,
  ): Promise<Sample | Failure> => {
    const threads = new ThreadsObserver()
    const sample = await measure(scenario, broker, effort, certificate, { observer: threads })
    if ('failure' in sample) return sample
    const observer = new ProfileObserver()
    const disturbed = await measure(scenario, broker, effort, certificate, { observer })
    if ('failure' in disturbed) return disturbed
    this.#repetitionsOf(scenario, broker).push({ otherThreads: threads.share, profile: observer.profile! })
    return sample
  }

  /** The budgets of all measurements without failures. */
  budgets(rows: readonly Row[]): Budget[] {
    return rows.flatMap(({ scenario, cells }) =>
      cells.flatMap(({ broker, median: { cpu } }) => {
        const repetitions = this.#repetitionsOf(scenario, broker)
        if (cpu === undefined || repetitions.length === 0) return []
        return [budgetOf(scenario, broker, { cpu, ...summary(repetitions) })]
      }),
    )
  }

  #repetitionsOf(scenario: Scenario, broker: BrokerName): Repetition[] {
    const key = `${scenario.name} ${broker}`
    const known = this.#seen.get(key) ?? []
    this.#seen.set(key, known)
    return known
  }
}
