/** The budget as a chart: a bar for each broker, scenario by scenario. */
import { type Bar, barChart } from '../charts/bar-chart.js'
import type { BrokerName } from '../types.js'
import type { Budget } from './budget.js'
import { parts } from './parts.js'

const names: Partial<Record<BrokerName, string>> = { anax: 'Anax', relay: 'bare relay' }

function barOf({ broker, micros }: Budget): Bar {
  return { name: names[broker] ?? broker, values: micros.map(part => part.micros) }
}

/** The whole file, in SVG. */
export function budgetChart(budgets: readonly Budget[]): string {
  const scenarios = [...new Set(budgets.map(({ scenario }) => scenario))]
  return barChart({
    title: 'Where the time goes',
    remark:
      'The broker: µs of CPU per delivery or connection, by what they are spent on; each load has a scale of its own',
    parts,
    groups: scenarios.map(scenario => ({
      title: scenario.title,
      bars: budgets.filter(budget => budget.scenario === scenario).map(barOf),
    })),
  })
}
