/**
 * Contracts between the parts of the benchmark: a scenario runs in the load process against one fresh broker and
 * returns a sample of named metrics. Also the catalogues of brokers and metrics.
 */

/** `anax` is the library in a program of the benchmark, `command` the program of the package. */
export type Program = 'anax' | 'command' | 'relay' | 'mosquitto' | 'mosquitto-2.1' | 'rumqttd' | 'mochi' | 'aedes'

/** Where a broker stores data; `autosave`: in memory, written every half an hour, or every second. */
export type Store = 'memory' | 'lmdb-commit' | 'lmdb-sync' | 'level' | 'autosave' | 'autosave-1s'

export interface BrokerUnderTest {
  program: Program
  store: Store
  /** Whether it has `anax/metrics`. */
  metrics?: boolean
}

/** Every broker under test: a program with one of its stores. */
export const brokers = {
  anax: { program: 'anax', store: 'memory' },
  'anax-metrics': { program: 'anax', store: 'memory', metrics: true },
  'anax-lmdb-commit': { program: 'anax', store: 'lmdb-commit' },
  'anax-lmdb-sync': { program: 'anax', store: 'lmdb-sync' },
  command: { program: 'command', store: 'memory' },
  relay: { program: 'relay', store: 'memory' },
  mosquitto: { program: 'mosquitto', store: 'memory' },
  'mosquitto-autosave': { program: 'mosquitto', store: 'autosave' },
  'mosquitto-autosave-1s': { program: 'mosquitto', store: 'autosave-1s' },
  'mosquitto-2.1': { program: 'mosquitto-2.1', store: 'memory' },
  rumqttd: { program: 'rumqttd', store: 'memory' },
  mochi: { program: 'mochi', store: 'memory' },
  aedes: { program: 'aedes', store: 'memory' },
  'aedes-level': { program: 'aedes', store: 'level' },
} as const satisfies Record<string, BrokerUnderTest>
export type BrokerName = keyof typeof brokers
export const brokerNames = Object.keys(brokers) as BrokerName[]

export function isAnax(name: BrokerName): boolean {
  const { program } = brokers[name]
  return program === 'anax' || program === 'command'
}

/** The default brokers of a scenario; the others are for scenarios about stores. */
export const mainBrokers: readonly BrokerName[] = ['anax', 'relay', 'mosquitto', 'aedes']

/** Brokers that take part only on request, because they have to be installed. */
export const peers: readonly BrokerName[] = ['mosquitto-2.1', 'rumqttd', 'mochi']

export type Transport = 'tcp' | 'tls' | 'ws'

/** How a broker is started for a scenario. */
export interface BrokerSetup {
  transport: Transport
  /**
   * `authorise`: synchronous hooks that grant everything, for publishing, subscribing and forwarding. `acl`: those of
   * `anax/auth`, with 10,000 rules of 1,000 users.
   */
  hooks: 'none' | 'authorise' | 'acl'
  /** `unbounded`: no limit on queued messages, for the scenarios that fill a queue. */
  queue: 'default' | 'unbounded'
  /** `application`: the program has 16 MB of its own objects, if it runs in Node. */
  heap: 'broker' | 'application'
}

/** Every metric of a sample: column heading, digits after the point, and factor for display. */
export const metrics = {
  cpu: { label: 'µs', digits: 2, factor: 1 },
  rate: { label: 'per s', digits: 0, factor: 1 },
  p50: { label: 'p50 ms', digits: 2, factor: 1 },
  p99: { label: 'p99 ms', digits: 2, factor: 1 },
  p999: { label: 'p99.9 ms', digits: 2, factor: 1 },
  heapEach: { label: 'heap B each', digits: 0, factor: 1 },
  residentEach: { label: 'resident B each', digits: 0, factor: 1 },
  growth: { label: 'cost growth', digits: 2, factor: 1 },
  linearity: { label: '2nd/1st half', digits: 2, factor: 1 },
  first: { label: 'first ms', digits: 2, factor: 1 },
  perMatch: { label: 'µs per match', digits: 2, factor: 1 },
  proportion: { label: 'per match, many/few', digits: 2, factor: 1 },
  stall: { label: 'stall ms', digits: 2, factor: 1 },
  start: { label: 'start ms', digits: 0, factor: 1 },
  drainCpu: { label: 'drain µs', digits: 2, factor: 1 },
  drainRate: { label: 'drained per s', digits: 0, factor: 1 },
  drainEvenness: { label: 'drain dear/cheap half', digits: 2, factor: 1 },
  refused: { label: 'refused', digits: 0, factor: 1 },
  resident: { label: 'MB', digits: 0, factor: 1e-6 },
  lost: { label: 'lost', digits: 0, factor: 1 },
  doubled: { label: 'doubled', digits: 0, factor: 1 },
  generator: { label: 'gen', digits: 2, factor: 1 },
} as const
export type MetricName = keyof typeof metrics
export const metricNames = Object.keys(metrics) as MetricName[]

/** The result of one run of one scenario against one broker. */
export type Sample = Partial<Record<MetricName, number>>

/** A broker's own memory after a forced collection; no heap if it does not run in Node. */
export interface MemoryUse {
  resident: number
  heap: number | undefined
}

/** Sizes and durations from the command line. */
export interface Effort {
  /** Seconds of the measurement. */
  seconds: number
  /** Seconds of load before it. */
  warmup: number
  /** Factor on the numbers of clients, subscriptions and messages of large scenarios. */
  scale: number
}

export type Phase = 'begin' | 'end'

/** The tools of a scenario, in the load process. */
export interface LoadContext {
  broker: BrokerName
  pid: number
  port: number
  transport: Transport
  effort: Effort
  /** Forces a collection in the broker, if it can, and reads its memory. */
  memory(): Promise<MemoryUse>
  /** Announces the beginning and the end of the measured seconds, for a profiler. */
  measuring(phase: Phase): Promise<void>
}

/** One row of the benchmark. */
export interface Scenario {
  name: string
  title: string
  /** Rows of one section share a table. */
  section: 'command' | 'connecting' | 'messages' | 'metrics' | 'stores' | 'suite' | 'connections' | 'held' | 'growth'
  /** What is counted: the unit of the microseconds. */
  unit: string
  /** The metric that is compared with other brokers. */
  headline: MetricName
  brokers: readonly BrokerName[]
  setup: BrokerSetup
  /** Maximum number of repetitions, for scenarios that take long. */
  maxRepetitions: number
  /** Time limit of a run, in seconds. */
  timeLimit: number
  /** Whether it is part of a quick run. */
  quick: boolean
  /** Open files that each process needs. */
  openFiles: number
  run(context: LoadContext): Promise<Sample>
}

export const plainSetup: BrokerSetup = { transport: 'tcp', hooks: 'none', queue: 'default', heap: 'broker' }

/** A scenario with the usual defaults. */
export function scenario(row: Pick<Scenario, 'name' | 'title' | 'section' | 'run'> & Partial<Scenario>): Scenario {
  return {
    unit: 'delivery',
    headline: 'cpu',
    brokers: mainBrokers,
    setup: plainSetup,
    maxRepetitions: Number.POSITIVE_INFINITY,
    timeLimit: 60,
    quick: true,
    openFiles: 3000,
    ...row,
  }
}
