/** What to measure, from the command line. Knows the options, the scenarios and the brokers; measures nothing. */
import { parseArgs } from 'node:util'
import type { Count } from './against/comparison.js'
import { canBeProfiled, profiledBrokers, profiledByDefault } from './profile/profiling.js'
import { growthScenarios } from './scenarios/held/growth.js'
import { scenarios } from './scenarios/index.js'
import { type BrokerName, brokerNames, type Effort, peers, type Scenario } from './types.js'

export const USAGE = `bench [--only name,section] [--brokers a,b] [--peers a,b] [--reps N] [--most N] [--seconds S] [--scale F]
      [--quick] [--plots | --profile | --against DIR] [--json file] [--docs] [--check] [--list]`

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    brokers: { type: 'string' },
    peers: { type: 'string' },
    reps: { type: 'string' },
    most: { type: 'string' },
    seconds: { type: 'string' },
    scale: { type: 'string' },
    quick: { type: 'boolean', default: false },
    plots: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    against: { type: 'string' },
    json: { type: 'string' },
    docs: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** Options about the results. */
export const options = values

export interface Choice {
  chosen: Scenario[]
  brokers: BrokerName[]
  /** The repetitions of the scenarios that have most. */
  repetitions: number
  repetitionsOf(scenario: Scenario): number
  /** The pairs of a comparison. */
  pairs: Count
  effort: Effort
}

/** The available scenarios: the rows of the report, the points of the plots, or those that can be profiled. */
export const available: readonly Scenario[] = values.plots
  ? growthScenarios
  : scenarios.filter(scenario => !values.profile || canBeProfiled(scenario))

/** The scenarios of a comparison: messages through the library. */
const comparedByDefault = ['messages']

/**
 * The default number of repetitions: more for rows that are quoted most, one for those that take long or vary little.
 */
const REPETITIONS: Partial<Record<Scenario['section'], number>> = { command: 3, connecting: 2, messages: 2, growth: 3 }

/** The repetitions for the documentation, so that everything is measured in a quarter of an hour. */
const DOCS_REPETITIONS: typeof REPETITIONS = { command: 2 }

function repetitionsOf({ section, maxRepetitions }: Scenario): number {
  const byDefault = values.quick ? 1 : ((values.docs ? DOCS_REPETITIONS : REPETITIONS)[section] ?? 1)
  return Math.min(Number(values.reps ?? byDefault), maxRepetitions)
}

const PAIRS: Count = { least: 10, most: 30 }

/** The known names of a list, in the order of the known ones. */
function named<T extends string>(list: string, known: readonly T[]): T[] {
  const wanted = list.split(',')
  const unknown = wanted.find(name => !known.includes(name as T))
  if (unknown !== undefined) throw new Error(`${unknown} is none of ${known.join(', ')}`)
  return known.filter(name => wanted.includes(name))
}

function chooseScenarios(): Scenario[] {
  const byDefault = values.profile ? profiledByDefault : values.against !== undefined ? comparedByDefault : undefined
  const list = values.only ?? byDefault?.join()
  if (list === undefined) return available.filter(({ quick }) => quick || !values.quick)
  const names = named(list, [...new Set(available.flatMap(({ section, name }) => [section, name]))])
  return available.filter(({ section, name }) => names.includes(section) || names.includes(name))
}

/** Peers take part only on request. */
function chooseBrokers(): BrokerName[] {
  const byDefault = values.profile ? profiledBrokers : brokerNames.filter(name => !peers.includes(name))
  return [
    ...(values.brokers === undefined ? byDefault : named(values.brokers, brokerNames)),
    ...(values.peers === undefined ? [] : named(values.peers, peers)),
  ]
}

/** They take long, or need more open files than most machines allow. */
const notInDocs: readonly string[] = ['queue', 'conn-50k']

/** Options that select a part of the scenarios. */
const partial = ['only', 'brokers', 'quick', 'plots', 'profile', 'against'] as const

/** @throws Error if a name is not known, or options do not go together */
export function choose(): Choice {
  const contrary = partial.find(name => values[name] !== undefined && values[name] !== false)
  if (values.docs && contrary) throw new Error(`--docs needs all scenarios of one run: not with --${contrary}`)
  const defaults = values.quick ? { seconds: 0.3, scale: 0.05 } : { seconds: values.docs ? 0.5 : 0.8, scale: 1 }
  const seconds = Number(values.seconds ?? defaults.seconds)
  const chosen = chooseScenarios().filter(({ name }) => !values.docs || !notInDocs.includes(name))
  const least = Number(values.reps ?? PAIRS.least)
  return {
    chosen,
    brokers: chooseBrokers().filter(name => chosen.some(({ brokers }) => brokers.includes(name))),
    repetitions: Math.max(...chosen.map(repetitionsOf)),
    repetitionsOf,
    pairs: { least, most: Number(values.most ?? Math.max(least, PAIRS.most)) },
    effort: { seconds, warmup: Math.min(0.5, seconds), scale: Number(values.scale ?? defaults.scale) },
  }
}
