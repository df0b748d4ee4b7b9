/**
 * `bench --against DIR`: Anax of this checkout and of another one, each from its own dist/, under the same load.
 * Puts the parts together and prints.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { makeCertificate } from '../brokers/certificate.js'
import { hostFile } from '../brokers/start.js'
import { measure } from '../measurement.js'
import { circumstancesText } from '../report.js'
import { aligned, number } from '../table.js'
import { type Effort, metrics, type Scenario } from '../types.js'
import { type Comparison, compare, exceeded, faultsOf, measurePairs, overall } from './comparison.js'

export interface AgainstOptions {
  /** The other checkout, built. */
  checkout: string
  scenarios: readonly Scenario[]
  pairs: number
  effort: Effort
  /** File for the figures; none writes none. */
  json: string | undefined
}

/** @returns what speaks against this checkout, in words */
export async function runAgainst({ checkout, scenarios, pairs, effort, json }: AgainstOptions): Promise<string[]> {
  const other = resolve(checkout)
  if (!existsSync(hostFile('anax', other))) throw new Error(`${other} is not a built checkout (npm run build)`)
  const certificate = await makeCertificate()
  process.once('exit', certificate.remove)
  process.once('SIGINT', () => process.exit(130))
  const rows = await measurePairs(scenarios, pairs, async (scenario, side, pair) => {
    const place = side === 'other' ? { checkout: other } : {}
    const result = await measure(scenario, 'anax', effort, certificate, place)
    const text = 'failure' in result ? result.failure : number(result.cpu ?? result[scenario.headline], 2)
    process.stderr.write(`${pair + 1}/${pairs} ${scenario.name} ${side} ${text}\n`)
    return result
  })
  const comparisons = rows.map(compare).filter(row => row !== undefined)
  console.log(circumstancesText({ effort, repetitions: pairs }))
  console.log(`\n${comparisonTable(comparisons)}`)
  if (json !== undefined) writeFileSync(json, JSON.stringify({ checkout: other, effort, pairs, rows }, undefined, 2))
  return [...rows.flatMap(faultsOf), ...exceeded(comparisons)]
}

export function comparisonTable(comparisons: readonly Comparison[]): string {
  const lines = comparisons.map(({ scenario, metric, count, median, ratio }) => {
    const { label, digits, factor } = metrics[metric]
    const each = (value: number) => number(value * factor, digits)
    return [
      scenario.name,
      label,
      `${count}`,
      each(median.other),
      each(median.this),
      ...[ratio.median, ratio.low, ratio.high].map(value => number(value, 3)),
    ]
  })
  const head = ['', 'metric', 'pairs', 'other', 'this', 'this/other', '95 % from', 'to']
  const mean = ['geometric mean', '', '', '', '', comparisons.length > 0 ? number(overall(comparisons), 3) : '-']
  return aligned([head, ...lines, mean]).join('\n')
}
