/** The results of a run as a file, for programs: with every sample, or with what the documentation needs. */
import { availableParallelism, cpus, loadavg, release } from 'node:os'
import { pinned } from '../brokers/process.js'
import { versionOf } from '../brokers/versions.js'
import { cpuSource } from '../measure.js'
import { scenarios } from '../scenarios/index.js'
import type { Cell, Row } from '../statistics.js'
import type { BrokerName, Effort, Sample } from '../types.js'

/** How it was measured. */
export interface Circumstances {
  effort: Effort
  repetitions: number
  brokers: readonly BrokerName[]
}

/** Where it was measured. */
export interface Machine {
  cores: number
  model: string
  system: string
  node: string
  cpuSource: string
  /** The load of the machine when this process started. */
  loadBefore: number
  /** Whether broker and load each have a core. */
  pinned: boolean
}

export const machine: Machine = {
  cores: availableParallelism(),
  model: cpus()[0]?.model ?? 'unknown',
  system: `Linux ${release()}`,
  node: process.versions.node,
  cpuSource,
  loadBefore: loadavg()[0]!,
  pinned,
}

export interface Results extends Circumstances {
  machine: Machine
  versions: Partial<Record<BrokerName, string>>

  scenarios: { name: string; title: string; unit: string; brokers: Cell[] }[]
}

export function resultsOf(rows: readonly Row[], circumstances: Circumstances): Results {
  const { effort, repetitions, brokers } = circumstances
  const versions = Object.fromEntries(brokers.map(name => [name, versionOf(name)]))
  const measured = rows.map(({ scenario: { name, title, unit }, cells }) => ({ name, title, unit, brokers: cells }))
  return { machine, versions, effort, repetitions, brokers, scenarios: measured }
}

/** Only the scenarios that still exist. */
export function rowsOf({ scenarios: measured }: Results): Row[] {
  return scenarios.flatMap(scenario => {
    const found = measured.find(({ name }) => name === scenario.name)
    return found === undefined ? [] : [{ scenario, cells: found.brokers }]
  })
}

const DIGITS = 4

function rounded(sample: Sample): Sample {
  const entries = Object.entries(sample).map(([metric, value]) => [metric, Number(value.toPrecision(DIGITS))])
  return Object.fromEntries(entries)
}

/** Without samples, and with a reasonable number of digits. */
export function condensed(results: Results): Results {
  const measured = results.scenarios.map(scenario => ({
    ...scenario,
    brokers: scenario.brokers.map(cell => ({ ...cell, samples: [], median: rounded(cell.median) })),
  }))
  return { ...results, scenarios: measured }
}
