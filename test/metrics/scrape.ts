/** A scrape, read by another parser than ours: its content, and the changes between two of them. */
import { createRequire } from 'node:module'
import type { Metrics } from '../../lib/metrics/index.js'

export interface Family {
  name: string
  help: string
  type: string
  metrics: { value?: string; labels?: Record<string, string> }[]
}

export const parse: (text: string) => Family[] = createRequire(import.meta.url)('parse-prometheus-text-format')

/** `name{label=value,…}` -> value. */
export async function scrape({ registry }: Pick<Metrics, 'registry'>): Promise<Record<string, number>> {
  const values: Record<string, number> = {}
  for (const { name, metrics } of parse(await registry.metrics())) {
    for (const { value, labels } of metrics) if (value !== undefined) values[nameOf(name, labels)] = Number(value)
  }
  return values
}

/** The number of samples in each histogram: that parser does not know labels of histograms. */
export async function counts({ registry }: Pick<Metrics, 'registry'>): Promise<Record<string, number>> {
  const histograms = (await registry.getMetricsAsJSON()).filter(({ type }) => String(type) === 'histogram')
  const values = histograms.flatMap(({ values }) => values as { value: number; labels: object; metricName?: string }[])
  const found = values.filter(({ metricName }) => metricName?.endsWith('_count'))
  return Object.fromEntries(found.map(({ metricName, labels, value }) => [nameOf(metricName!, labels), value]))
}

function nameOf(name: string, labels: object = {}): string {
  const text = Object.entries(labels).map(([label, of]) => `${label}=${of}`)
  return text.length === 0 ? name : `${name}{${text.join(',')}}`
}

/** The changes; a name that ends with `*` excludes all that begin with it. */
export function difference(
  before: Record<string, number>,
  after: Record<string, number>,
  ...without: string[]
): Record<string, number> {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  const moved = names.map(name => [name, (after[name] ?? 0) - (before[name] ?? 0)] as const)
  return Object.fromEntries(moved.filter(([name, by]) => by !== 0 && !without.some(start => name.startsWith(start))))
}
