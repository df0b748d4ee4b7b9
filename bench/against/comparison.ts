/**
 * Compares this checkout with another one, row by row: measures both in turns, and decides whether this one has become
 * slower. Does not know how a broker is started, nor what is printed.
 */
import type { Failure } from '../measurement.js'
import { middle } from '../statistics.js'
import type { MetricName, Sample, Scenario } from '../types.js'
import { geometricMean, type Interval, ratioInterval } from './interval.js'

export type Side = 'this' | 'other'

/** The samples of one scenario, in the order of the pairs. */
export interface Pairs {
  scenario: Scenario
  pairs: Record<Side, Sample | Failure>[]
}

/** One row of the comparison. */
export interface Comparison {
  scenario: Scenario
  metric: MetricName
  /** Pairs with a value on both sides. */
  count: number
  /** Median of each side. */
  median: Record<Side, number>
  /** This checkout divided by the other one. */
  ratio: Interval
}

/** How much slower this checkout may be: the upper bound of each row, and the geometric mean of all rows. */
export const BOUNDS = { row: 1.03, mean: 1.01 } as const

/** Which side goes first: A B, B A, A B, … so that a machine that gets warmer or busier affects both alike. */
export function order(pair: number): readonly Side[] {
  return pair % 2 === 0 ? ['other', 'this'] : ['this', 'other']
}

/**
 * The number of pairs: all rows have the minimum, and those whose interval is still wide then continue up to the
 * maximum.
 */
export interface Count {
  least: number
  most: number
}

/** An interval is narrow if its upper bound divided by its lower one is at most this. */
const NARROW = 1.02

function isNarrow(row: Pairs): boolean {
  const { low, high } = compare(row)?.ratio ?? { low: 1, high: 1 }
  return high <= low * NARROW
}

/** Measures pairs of all scenarios: each round runs all scenarios that need more. */
export async function measurePairs(
  scenarios: readonly Scenario[],
  { least, most }: Count,
  measure: (scenario: Scenario, side: Side, pair: number) => Promise<Sample | Failure>,
): Promise<Pairs[]> {
  const rows: Pairs[] = scenarios.map(scenario => ({ scenario, pairs: [] }))
  for (let pair = 0; pair < most; pair++) {
    for (const row of rows) {
      if (pair >= least && isNarrow(row)) continue
      const results = new Map<Side, Sample | Failure>()
      for (const side of order(pair)) results.set(side, await measure(row.scenario, side, pair))
      row.pairs.push({ this: results.get('this')!, other: results.get('other')! })
    }
  }
  return rows
}

/** CPU time if the scenario has it, because it varies least. */
function metricOf({ scenario, pairs }: Pairs): MetricName {
  const hasCpu = pairs.some(({ this: sample }) => 'cpu' in sample && sample.cpu !== undefined)
  return hasCpu ? 'cpu' : scenario.headline
}

function figureOf(result: Sample | Failure, metric: MetricName): number {
  return 'failure' in result ? 0 : (result[metric] ?? 0)
}

/** Undefined if no pair has a value on both sides. */
export function compare(row: Pairs): Comparison | undefined {
  const metric = metricOf(row)
  const values = row.pairs
    .map(pair => ({ this: figureOf(pair.this, metric), other: figureOf(pair.other, metric) }))
    .filter(pair => pair.this > 0 && pair.other > 0)
  if (values.length === 0) return undefined
  return {
    scenario: row.scenario,
    metric,
    count: values.length,
    median: { this: middle(values.map(pair => pair.this)), other: middle(values.map(pair => pair.other)) },
    ratio: ratioInterval(values.map(pair => pair.this / pair.other)),
  }
}

/** The geometric mean of all rows' ratios. */
export function overall(comparisons: readonly Comparison[]): Interval {
  return geometricMean(comparisons.map(({ ratio }) => ratio))
}

/** Describes what exceeds {@link BOUNDS}. */
export function exceeded(comparisons: readonly Comparison[]): string[] {
  const rows = comparisons.filter(({ ratio }) => ratio.high > BOUNDS.row)
  const mean = overall(comparisons).middle
  return [
    ...rows.map(({ scenario, ratio }) => `${scenario.name}: up to ${ratio.high.toFixed(3)}, at most ${BOUNDS.row}`),
    ...(mean > BOUNDS.mean ? [`geometric mean: ${mean.toFixed(3)}, at most ${BOUNDS.mean}`] : []),
  ]
}

/** Describes failed runs, and lost or duplicated messages. */
export function faultsOf({ scenario, pairs }: Pairs): string[] {
  return pairs.flatMap(pair =>
    (['this', 'other'] as const).flatMap(side => {
      const result = pair[side]
      if ('failure' in result) return [`${scenario.name}, ${side}: ${result.failure}`]
      const { lost = 0, doubled = 0 } = result
      return lost + doubled > 0 ? [`${scenario.name}, ${side}: ${lost} lost, ${doubled} doubled`] : []
    }),
  )
}
