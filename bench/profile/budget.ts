/**
 * One broker's CPU time per unit, divided among its parts: computes it, checks it, and prints the table. Does not know
 * how a profile is taken or drawn.
 */
import { aligned, number } from '../report/table.js'
import type { BrokerName, Scenario } from '../types.js'
import { type PartName, partOf, parts } from './parts.js'
import type { SelfTime } from './self-times.js'

/** The measurements of a broker in one scenario. */
export interface Observation {
  /** Microseconds of CPU per unit, of all threads, without a profiler. */
  cpu: number
  /** The share of other threads than the main one, from 0 to 1. */
  otherThreads: number
  /** The main thread's functions, from runs with a profiler. */
  functions: readonly SelfTime[]
  /**
   * CPU time of those runs, divided by the time in which the main thread was ready to run: below 1 if others had the
   * core.
   */
  presence: number
}

/** How a broker's time is divided in one scenario. */
export interface Budget {
  scenario: Pick<Scenario, 'name' | 'title' | 'unit'>
  broker: BrokerName
  /** Microseconds of CPU per unit for each part, in the order of the table of parts. */
  micros: readonly { part: PartName; micros: number }[]
  /** The share of the main thread's time that belongs to no part, from 0 to 1. */
  unknown: number
  presence: number
}

/** If more than this share of the main thread's time belongs to no part, the table of parts is out of date. */
const UNKNOWN_LIMIT = 0.05
/** Below this, other processes had so much of the core that the profile means little. */
const PRESENCE_LIMIT = 0.9

function timesOfParts(functions: readonly SelfTime[]): Map<PartName, number> {
  const times = new Map<PartName, number>()
  for (const { name, url, micros } of functions) {
    const part = partOf(name, url)
    times.set(part, (times.get(part) ?? 0) + micros)
  }
  return times
}

/** Divides the measured cost as the samples are distributed. */
export function budgetOf(
  scenario: Budget['scenario'],
  broker: BrokerName,
  { cpu, otherThreads, functions, presence }: Observation,
): Budget {
  const times = timesOfParts(functions)
  const all = functions.reduce((sum, { micros }) => sum + micros, 0)
  const mainThread = cpu * (1 - otherThreads)
  const shareOf = (part: PartName) => (times.get(part) ?? 0) / all
  const micros = parts.map(({ name }) => ({
    part: name,
    micros: name === "V8's other threads" ? cpu * otherThreads : mainThread * shareOf(name),
  }))
  return { scenario, broker, micros, unknown: shareOf('other'), presence }
}

/** Describes why a budget is doubtful. */
export function findDoubts(budgets: readonly Budget[]): string[] {
  return budgets.flatMap(({ scenario, broker, unknown, presence }) => {
    const where = `${scenario.name}, ${broker}:`
    return [
      ...(unknown > UNKNOWN_LIMIT ? [`${where} ${percent(unknown)} of the time belongs to no part`] : []),
      ...(presence < PRESENCE_LIMIT
        ? [`${where} other processes had the core, it ran for ${percent(presence)} of the time it was ready to`]
        : []),
    ]
  })
}

function percent(share: number): string {
  return `${number(share * 100, 0)} %`
}

function cell(micros: number): string {
  return micros === 0 ? '-' : number(micros, 2)
}

/** µs per unit: a line for each part, a column for each broker in each scenario. */
export function budgetTable(budgets: readonly Budget[]): string {
  const head = [
    ['', ...budgets.map(({ scenario }) => scenario.name), ''],
    ['', ...budgets.map(({ broker }) => broker), ''],
  ]
  const lines = parts.map(({ name }, i) => [name, ...budgets.map(({ micros }) => cell(micros[i]!.micros)), ''])
  const sums = budgets.map(({ micros }) => micros.reduce((sum, part) => sum + part.micros, 0))
  return aligned([...head, ...lines, ['sum', ...sums.map(sum => number(sum, 2)), '']])
    .map(line => line.trimEnd())
    .join('\n')
}
