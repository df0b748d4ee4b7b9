/** Medians of repeated samples, and ratios between brokers. Knows no scenario and prints nothing. */

import type { Failure } from './measurement.js'
import { type BrokerName, type MetricName, metricNames, type Sample, type Scenario } from './types.js'

/** All samples of one scenario with one broker. */
export interface Cell {
  broker: BrokerName
  samples: Sample[]
  failures: Failure[]
  median: Sample
}

export interface Row {
  scenario: Scenario
  cells: Cell[]
}

/** Metrics of things that must not happen: the worst value is reported, not the median. */
const worst: ReadonlySet<MetricName> = new Set(['lost', 'doubled', 'refused'])

/** The value in the middle, or the mean of the two there. */
export function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

function medianOf(samples: Sample[]): Sample {
  const median: Sample = {}
  for (const name of metricNames) {
    const values = samples.map(sample => sample[name]).filter(value => value !== undefined)
    if (values.length > 0) median[name] = worst.has(name) ? Math.max(...values) : middle(values)
  }
  return median
}

export function cellOf(broker: BrokerName, results: (Sample | Failure)[]): Cell {
  const samples: Sample[] = []
  const failures: Failure[] = []
  for (const result of results) {
    if ('failure' in result) failures.push(result)
    else samples.push(result)
  }
  return { broker, samples, failures, median: medianOf(samples) }
}

/** Above this share of its core the load process limits the rate, not the broker. */
const LOAD_LIMIT = 0.9

/**
 * Whether the load process had no time left: then the figure is the time of the load for a message, for every faster
 * broker.
 */
export function isLimitedByLoad({ median }: Cell): boolean {
  return (median.generator ?? 0) > LOAD_LIMIT
}

export function findCell(row: Row, broker: BrokerName): Cell | undefined {
  return row.cells.find(cell => cell.broker === broker)
}

/** A broker's value divided by a peer's; undefined if either has none. */
export function ratio(row: Row, metric: MetricName, broker: BrokerName, peer: BrokerName): number | undefined {
  const own = findCell(row, broker)?.median[metric]
  const other = findCell(row, peer)?.median[metric]
  return own === undefined || other === undefined || other === 0 ? undefined : own / other
}
