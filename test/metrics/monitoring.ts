/** Reads the files for Prometheus and Grafana: the queries of the panels, and the alerts. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../support/root.js'

export const ALERTS = join(ROOT, 'docs/run/monitoring/alerts.yml')

interface Panel {
  targets?: { expr: string }[]
}

/** As Prometheus gets them: with values for Grafana's variables. */
export function panelQueries(): string[] {
  const file = join(ROOT, 'docs/run/monitoring/grafana-dashboard.json')
  const { panels }: { panels: Panel[] } = JSON.parse(readFileSync(file, 'utf8'))
  return panels
    .flatMap(({ targets = [] }) => targets)
    .map(({ expr }) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'))
}

/** Each rule has its expression on one line. */
export function alerts(): { name: string; expr: string }[] {
  const text = readFileSync(ALERTS, 'utf8')
  return [...text.matchAll(/- alert: (\w+)\n\s+expr: (.+)\n/g)].map(([, name, expr]) => ({ name: name!, expr: expr! }))
}
