/** Draws the scenarios of growth that were measured, each plot into a file of its own. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Growth, growths } from './scenarios/growth.js'
import { findCell, type Row } from './statistics.js'
import { type Line, lineChart } from './svg.js'
import type { BrokerName } from './types.js'

/** Where the plots go, from the folder that the benchmark is started in. */
const FOLDER = join('docs', 'performance')

const styles: Partial<Record<BrokerName, Pick<Line, 'name' | 'colour' | 'stroke'>>> = {
  anax: { name: 'Anax', colour: '#0b63ce', stroke: 'solid' },
  mosquitto: { name: 'Mosquitto', colour: '#bc4c00', stroke: 'solid' },
  relay: { name: 'bare relay', colour: '#6e7781', stroke: 'dashed' },
}

function lineOf(broker: BrokerName, { points }: Growth, rows: readonly Row[]): Line['points'] {
  return points.flatMap(({ x, scenario }) => {
    const row = rows.find(one => one.scenario === scenario)
    const y = row && findCell(row, broker)?.median.cpu
    return y === undefined ? [] : [{ x, y }]
  })
}

/** Writes the plots for which there are figures; returns their paths. */
export function writePlots(rows: readonly Row[]): string[] {
  mkdirSync(FOLDER, { recursive: true })
  const written: string[] = []
  for (const growth of growths) {
    const entries = Object.entries(styles) as [BrokerName, (typeof styles)['anax'] & {}][]
    const lines = entries.map(([broker, style]) => ({ ...style, points: lineOf(broker, growth, rows) }))
    if (lines.every(({ points }) => points.length === 0)) continue
    const path = join(FOLDER, `${growth.name}.svg`)
    writeFileSync(path, lineChart({ ...growth, yLabel: 'broker: µs of CPU per delivery', lines }))
    written.push(path)
  }
  return written
}
