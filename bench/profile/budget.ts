/**
 * One broker's CPU time per unit, divided among its parts: the arithmetic, the faults, and the table for people.
 * Knows neither how a profile is taken nor how it is drawn.
 */
import { aligned, number } from '../report/table.js'
import type { BrokerName, Scenario } from '../types.js'
import { type PartName, partOf, parts } from './parts.js'
import type { SelfTime } from './self-times.js'

/** What was seen of a broker in one scenario. */
export interface Observation {
  /** Microseconds of CPU per unit, of all threads, while nobody took a profile. */
  cpu: number
  /** The share of that which was not the main thread's, from 0 to 1. */
  otherThreads: number
  /** The main thread's functions, from runs that were profiled. */
  functions: readonly SelfTime[]
  /** CPU time that those runs got, to the time in which the main thread was ready to run: below 1 if others had it. */
  presence: number
}

/** Where a broker's time goes in one scenario. */
export interface Budget {
  scenario: Pick<Scenario, 'name' | 'title' | 'unit'>
  broker: BrokerName
  /** Microseconds of CPU per unit for each part, in the order of the table of parts. */
  micros: readonly { part: PartName; micros: number }[]
  /** The share of the main thread's time that no part has, from 0 to 1. */
  unknown: number
  presence: number
}

/** More than this of the main thread's time with no part: the table of parts is out of date. */
const UNKNOWN_LIMIT = 0.05
/** Below this other processes had so much of the core that the profile says little. */
const PRESENCE_LIMIT = 0.9

function timesOfParts(functions: readonly SelfTime[]): Map<PartName, number> {
  const times = new Map<PartName, number>()
  for (const { name, url, micros } of functions) {
    const part = partOf(name, url)
    times.set(part, (times.get(part) ?? 0) + micros)
  }
  return times
}

/** Divides what was measured as the samples say. */
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

/** Why a budget is not to be believed, in words. */
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
