/**
 * What the parts of the benchmark tell each other: a scenario runs in the load process against one
 * fresh broker and returns a sample of named metrics. Contracts and the catalogues of brokers and metrics only.
 */

/** `anax` is the library in a program of the benchmark's, `command` the program that comes with it. */
export type Program = 'anax' | 'command' | 'relay' | 'mosquitto' | 'mosquitto-2.1' | 'rumqttd' | 'mochi' | 'aedes'

/** Where a broker keeps what it is to keep; `autosave`: in memory, written out every half an hour, or every second. */
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

/** Those that every scenario is for that names no others; the rest is for scenarios about stores. */
export const mainBrokers: readonly BrokerName[] = ['anax', 'relay', 'mosquitto', 'aedes']

/** Those that take part only when they are asked for, because they have to be installed for that. */
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
  /** `application`: a program in Node has objects of its own, 16 MB of them, beside the broker. */
  heap: 'broker' | 'application'
}

/** Every metric a sample may have: column heading, digits after the point, and factor for display. */
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

/** What one run of one scenario against one broker yields. */
export type Sample = Partial<Record<MetricName, number>>

/** What a broker's own memory is made of, after a forced collection; no heap where it is not Node's. */
export interface MemoryUse {
  resident: number
  heap: number | undefined
}

/** Sizes and durations, as chosen on the command line. */
export interface Effort {
  /** Seconds that throughput is measured for. */
  seconds: number
  /** Seconds of load before that. */
  warmup: number
  /** Factor on the numbers of clients, subscriptions and messages of the scenarios that hold many. */
  scale: number
}

export type Phase = 'begin' | 'end'

/** What a scenario works with, in the load process. */
export interface LoadContext {
  broker: BrokerName
  pid: number
  port: number
  transport: Transport
  effort: Effort
  /** Forces a collection in the broker, where it can, and reads its memory. */
  memory(): Promise<MemoryUse>
  /** Says when the seconds that count begin and when they are over, for whoever looks at the broker meanwhile. */
  measuring(phase: Phase): Promise<void>
}

/** One row of the benchmark. */
export interface Scenario {
  name: string
  title: string
  /** Rows of one section share a table. */
  section: 'command' | 'connecting' | 'messages' | 'metrics' | 'stores' | 'suite' | 'connections' | 'held' | 'growth'
  /** What is counted, and so what the microseconds are divided by. */
  unit: string
  /** The metric that ratios are made of. */
  headline: MetricName
  brokers: readonly BrokerName[]
  setup: BrokerSetup
  /** At most so many repetitions, for scenarios that take long. */
  maxRepetitions: number
  /** Seconds after which a run is given up. */
  timeLimit: number
  /** Whether it is among the scenarios of a quick run. */
  quick: boolean
  /** Open files that each process needs. */
  openFiles: number
  run(context: LoadContext): Promise<Sample>
}

export const plainSetup: BrokerSetup = { transport: 'tcp', hooks: 'none', queue: 'default', heap: 'broker' }

/** A scenario with what most have in common filled in. */
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
