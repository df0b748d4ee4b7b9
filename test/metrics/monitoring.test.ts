/**
 * The Grafana dashboard and the alerts: every metric and label in them exists, and the page for operators describes
 * each alert.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createMetrics } from '../../lib/metrics/index.js'
import { FakeClock } from '../../lib/testing/index.js'
import { connectTo, withBrokers } from '../support/brokers/several.js'
import { STORES } from '../support/brokers/stores.js'
import { ROOT } from '../support/root.js'
import { alerts, panelQueries } from './monitoring.js'

/** Labels that Prometheus adds to what it scrapes. */
const OWN_LABELS = ['instance', 'job', 'le']

/** Functions and keywords of PromQL, which look like metrics. */
const METRIC = /\b(?:anax|process|nodejs)_[a-z0-9_]+\b/g

describe('the dashboard for Grafana and the alerts', () => {
  it('use only metrics and labels that exist', () =>
    withBrokers(
      [{ authenticate: () => true, persistence: STORES['aedes-persistence']!(new FakeClock()) }],
      async ([broker]) => {
        const metrics = await createMetrics(broker, { process: true, sampleEvery: 1 })
        const client = await connectTo(broker, 'a')
        await client.publish({ topic: 't', payload: Buffer.from('x'), qos: 1 })
        await nextTurn()
        const labels = await labelsOf(metrics.registry)
        const queries = [...panelQueries(), ...alerts().map(({ expr }) => expr)]
        assert.ok(queries.length > 40)
        for (const query of queries) {
          const names = [...query.matchAll(METRIC)].map(([name]) => name)
          const known = names.flatMap(name => labels.get(name) ?? assert.fail(`there is no ${name}`))
          for (const label of labelsIn(query))
            assert.ok([...known, ...OWN_LABELS].includes(label), `${label}: ${query}`)
        }
        metrics.close()
      },
    ))

  it('use every metric of the broker', async () => {
    const shown = panelQueries().join('\n')
    const page = readFileSync(join(ROOT, 'docs/run/metrics.md'), 'utf8')
    const documented = [...page.matchAll(/^\| `(anax_\w+)`/gm)].map(([, name]) => name!)
    const missing = documented.filter(name => !new RegExp(`\\b${name}(_bucket)?\\b`).test(shown))
    assert.deepEqual(missing, ELSEWHERE)
  })

  it('are explained in docs/run/operating.md, each alert in its own section', () => {
    const page = readFileSync(join(ROOT, 'docs/run/operating.md'), 'utf8')
    const sections = [...page.matchAll(/^### (\w+)$/gm)].map(([, name]) => name)
    assert.deepEqual(
      sections,
      alerts().map(({ name }) => name),
    )
  })
})

/** Metrics without a panel, because another one shows the same. */
const ELSEWHERE = ['anax_connections', 'anax_subscriptions_stored', 'anax_slow_client_waiting_bytes']

/** Metric as queries name it -> its labels. */
async function labelsOf(registry: { getMetricsAsJSON(): Promise<unknown> }): Promise<Map<string, string[]>> {
  interface Metric {
    name: string
    type: string
    values: { labels: object; metricName?: string }[]
  }
  const found = new Map<string, string[]>()
  for (const { name, type, values } of (await registry.getMetricsAsJSON()) as Metric[]) {
    const labels = values.flatMap(value => Object.keys(value.labels))
    found.set(type === 'histogram' ? `${name}_bucket` : name, [...new Set([...labels, ...(KNOWN_LABELS[name] ?? [])])])
  }
  return found
}

/** Labels of counters that have no value yet. */
const KNOWN_LABELS: Readonly<Record<string, string[]>> = {
  anax_connections_refused_total: ['code'],
  anax_publish_refused_total: ['code'],
  anax_cluster_shard_lag: ['shard'],
  anax_cluster_shard_pending_writes: ['shard'],
  anax_slow_client_waiting_messages: ['client'],
}

/** In matchers and after `by`. */
function labelsIn(query: string): string[] {
  const matched = [...query.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label]) => label!)
  const grouped = [...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels]) => labels!.split(/, */))
  return [...matched, ...grouped]
}
