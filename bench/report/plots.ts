/** Draws the measured scenarios of growth, each plot into its own file. */
import { writeChart } from '../charts/file.js'
import { type Line, lineChart } from '../charts/line-chart.js'
import { type Growth, growths } from '../scenarios/held/growth.js'
import { findCell, type Row } from '../statistics.js'
import type { BrokerName } from '../types.js'

const styles: Partial<Record<BrokerName, Pick<Line, 'name' | 'colour' | 'stroke'>>> = {
  anax: { name: 'Anax', colour: '#1f75e0', stroke: 'solid' },
  mosquitto: { name: 'Mosquitto', colour: '#c9540a', stroke: 'solid' },
  relay: { name: 'bare relay', colour: '#737b85', stroke: 'dashed' },
}

function lineOf(broker: BrokerName, { points }: Growth, rows: readonly Row[]): Line['points'] {
  return points.flatMap(({ x, scenario }) => {
    const row = rows.find(one => one.scenario === scenario)
    const y = row && findCell(row, broker)?.median.cpu
    return y === undefined ? [] : [{ x, y }]
  })
}

/** Writes the plots for which there are results; returns their paths. */
export function writePlots(rows: readonly Row[]): string[] {
  const written: string[] = []
  for (const growth of growths) {
    const entries = Object.entries(styles) as [BrokerName, (typeof styles)['anax'] & {}][]
    const lines = entries.map(([broker, style]) => ({ ...style, points: lineOf(broker, growth, rows) }))
    if (lines.every(({ points }) => points.length === 0)) continue
    written.push(writeChart(growth.name, lineChart({ ...growth, yLabel: 'broker: µs of CPU per delivery', lines })))
  }
  return written
}
