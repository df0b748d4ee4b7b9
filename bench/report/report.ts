/** The results of a run, as tables for a terminal. */
import { installed } from '../brokers/start.js'
import type { CheckedGoal } from '../check.js'
import { type Cell, isLimitedByLoad, type Row, ratio } from '../statistics.js'
import {
  type BrokerName,
  isAnax,
  type MetricName,
  mainBrokers,
  metricNames,
  metrics,
  peers,
  type Scenario,
} from '../types.js'
import { type Circumstances, machine } from './results.js'
import { aligned, number } from './table.js'

const isYardstick = (name: BrokerName) => mainBrokers.includes(name) && !isAnax(name)

/** The brokers that others are compared with. */
const yardsticks: readonly BrokerName[] = [...mainBrokers.filter(isYardstick), ...peers]

const sectionTitles: Record<Scenario['section'], string> = {
  command: 'The command as broker; each packet a segment of its own',
  connecting: 'The command as broker; clients that come and go',
  messages: 'The library as broker; acknowledgements and bursts joined',
  metrics: 'The library with metrics for Prometheus and without',
  stores: 'Stores: messages that are kept',
  suite: 'Open MQTT Benchmark Suite',
  connections: 'Connections',
  held: 'What is held: sessions, subscriptions, retained messages, queues',
  growth: 'Growth: the points of the plots',
}

function metricText(name: MetricName, cell: Cell): string {
  const { digits, factor } = metrics[name]
  const value = cell.median[name]
  const text = number(value === undefined ? undefined : value * factor, digits)
  return name === 'generator' && isLimitedByLoad(cell) ? `${text}!` : text
}

function cellLine(row: Row, cell: Cell, columns: MetricName[], compared: BrokerName[]): string[] {
  if (cell.samples.length === 0) return [cell.broker, cell.failures[0]!.failure]
  const ratios = compared.map(peer =>
    peer === cell.broker ? '' : number(ratio(row, row.scenario.headline, cell.broker, peer), 2),
  )
  return [cell.broker, ...columns.map(name => metricText(name, cell)), ...ratios]
}

/** Stands for the brokers of a run that have no cell. */
function absentLines(row: Row, brokers: readonly BrokerName[]): string[][] {
  const expected = brokers.filter(name => isYardstick(name) || row.scenario.brokers.includes(name))
  const absent = expected.filter(name => row.cells.every(cell => cell.broker !== name))
  return absent.map(name => [name, installed(name) ? '-' : 'not installed'])
}

function columnsOf(row: Row): MetricName[] {
  const used = new Set(row.cells.flatMap(cell => Object.keys(cell.median)))
  return metricNames.filter(name => used.has(name))
}

/** One table for consecutive rows with the same columns. */
function sectionTables(rows: Row[], brokers: readonly BrokerName[]): string {
  const groups: Row[][] = []
  let last: string | undefined
  for (const row of rows) {
    const columns = columnsOf(row).join()
    if (columns === last) groups.at(-1)!.push(row)
    else groups.push([row])
    last = columns
  }
  return groups.map(group => table(group, brokers)).join('\n\n')
}

function table(rows: Row[], brokers: readonly BrokerName[]): string {
  const columns = columnsOf(rows[0]!)
  const compared = yardsticks.filter(name => rows.some(row => row.cells.some(cell => cell.broker === name)))
  const lines: string[][] = [['', ...columns.map(name => metrics[name].label), ...compared.map(name => `/${name}`)]]
  for (const row of rows) {
    const { name, title, unit, headline } = row.scenario
    lines.push([`${name}: ${title} (per ${unit}; ratios of ${metrics[headline].label})`, ''])
    for (const cell of row.cells) lines.push(indented(cellLine(row, cell, columns, compared)))
    for (const line of absentLines(row, brokers)) lines.push(indented(line))
  }
  return titled(lines)
}

function indented(line: string[]): string[] {
  return [`  ${line[0]}`, ...line.slice(1)]
}

/** Aligns all lines except titles. */
function titled(lines: string[][]): string {
  const titles = new Map(lines.flatMap((line, i) => (line.length === 2 && line[1] === '' ? [[i, line[0]!]] : [])))
  const rest = aligned(lines.filter((_, i) => !titles.has(i)))
  return lines
    .map((_, i) => titles.get(i) ?? rest.shift()!)
    .map(line => line.trimEnd())
    .join('\n')
}

export function circumstancesText({ effort, repetitions }: Pick<Circumstances, 'effort' | 'repetitions'>): string {
  const { cores, model, system, node, cpuSource, loadBefore, pinned } = machine
  return [
    `${cores} cores (${model}), ${system}, Node ${node};`,
    `medians of ${repetitions} repetitions of ${effort.seconds} s, scale ${effort.scale};`,
    `CPU time from ${cpuSource};`,
    `load average before: ${number(loadBefore, 1)};`,
    pinned ? 'broker and load pinned to a core each' : 'nothing pinned',
  ].join(' ')
}

export function tables(rows: readonly Row[], circumstances: Circumstances): string {
  const parts = [circumstancesText(circumstances)]
  for (const section of Object.keys(sectionTitles) as Scenario['section'][]) {
    const own = rows.filter(row => row.scenario.section === section)
    if (own.length > 0) parts.push(`## ${sectionTitles[section]}\n\n${sectionTables(own, circumstances.brokers)}`)
  }
  if (rows.some(({ cells }) => cells.some(isLimitedByLoad))) {
    parts.push(
      '! the load process used more than 0.9 of its core: it sets the rate, and with it what a busy broker shows as CPU time',
    )
  }
  return parts.join('\n\n')
}

export function goalTable(checked: readonly CheckedGoal[]): string {
  const lines = checked.map(({ scenario, metric, to, most, of, value, verdict }) => [
    of === undefined ? scenario : `${scenario}, ${of}`,
    to === 'itself' ? metrics[metric].label : `${metrics[metric].label} / ${to}`,
    `at most ${most}`,
    number(value, 2) || '-',
    verdict,
  ])
  return aligned([['goal', 'metric', 'bound', 'measured', 'verdict'], ...lines]).join('\n')
}
