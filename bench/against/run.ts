/**
 * `bench --against DIR`: compares Anax of this checkout with that of another, each from its own dist/, under the same
 * load. Prints the result.
 */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { makeCertificate } from '../brokers/certificate.js'
import { installed } from '../brokers/start.js'
import { measure } from '../measurement.js'
import { circumstancesText } from '../report/report.js'
import { aligned, number } from '../report/table.js'
import { type Effort, metrics, type Scenario } from '../types.js'
import { type Comparison, type Count, compare, exceeded, faultsOf, measurePairs, overall } from './comparison.js'
import type { Interval } from './interval.js'

export interface AgainstOptions {
  /** The other checkout, built. */
  checkout: string
  scenarios: readonly Scenario[]
  pairs: Count
  effort: Effort
  /** File for the figures; if undefined, none is written. */
  json: string | undefined
}

/** The library if it takes part, otherwise the command. */
function brokerOf({ brokers }: Scenario): 'anax' | 'command' | undefined {
  return (['anax', 'command'] as const).find(name => brokers.includes(name))
}

/** @returns the failures, in words */
export async function runAgainst({ checkout, scenarios, pairs, effort, json }: AgainstOptions): Promise<string[]> {
  const other = resolve(checkout)
  if (!installed('anax', other)) throw new Error(`${other} is not a built checkout (npm run build)`)
  const compared = scenarios.filter(scenario => brokerOf(scenario) !== undefined)
  const certificate = await makeCertificate()
  process.once('exit', certificate.remove)
  process.once('SIGINT', () => process.exit(130))
  const rows = await measurePairs(compared, pairs, async (scenario, side, pair) => {
    const place = side === 'other' ? { checkout: other } : {}
    const result = await measure(scenario, brokerOf(scenario)!, effort, certificate, place)
    const text = 'failure' in result ? result.failure : number(result.cpu ?? result[scenario.headline], 2)
    process.stderr.write(`${pair + 1}/${pairs.least} ${scenario.name} ${side} ${text}\n`)
    return result
  })
  const comparisons = rows.map(compare).filter(row => row !== undefined)
  console.log(circumstancesText({ effort, repetitions: pairs.least }))
  console.log(`\n${comparisonTable(comparisons)}`)
  if (json !== undefined) writeFileSync(json, JSON.stringify({ checkout: other, effort, pairs, rows }, undefined, 2))
  return [...rows.flatMap(faultsOf), ...exceeded(comparisons)]
}

function bounds({ middle, low, high }: Interval): string[] {
  return [middle, low, high].map(value => number(value, 3))
}

export function comparisonTable(comparisons: readonly Comparison[]): string {
  const lines = comparisons.map(({ scenario, metric, count, median, ratio }) => {
    const { label, digits, factor } = metrics[metric]
    const each = (value: number) => number(value * factor, digits)
    return [scenario.name, label, `${count}`, each(median.other), each(median.this), ...bounds(ratio)]
  })
  const head = ['', 'metric', 'pairs', 'other', 'this', 'this/other', '95 % from', 'to']
  const mean = ['geometric mean', '', '', '', '', ...(comparisons.length > 0 ? bounds(overall(comparisons)) : ['-'])]
  return aligned([head, ...lines, mean]).join('\n')
}
