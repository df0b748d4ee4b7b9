/**
 * The tables and sentences of the documentation that come from the results of a run. Knows the content and order of
 * each.
 */
import { type CheckedGoal, checkGoals } from '../check.js'
import { type Results, rowsOf } from '../report/results.js'
import { number } from '../report/table.js'
import { type Cell, findCell, isLimitedByLoad, type Row, ratio } from '../statistics.js'
import { type BrokerName, type MetricName, metrics, type Scenario } from '../types.js'
import { markdownTable } from './markdown.js'
import { nameOf, storeNameOf, versionsText } from './names.js'

const NONE = '–'

/** Three digits, or all before the point. */
function figure(value: number | undefined): string {
  if (value === undefined) return NONE
  return number(value, value < 10 ? 2 : value < 100 ? 1 : 0)
}

/** CPU time; with an asterisk if the load process limits the rate. */
function cpuFigure(cell: Cell | undefined): string {
  return figure(cell?.median.cpu) + (cell !== undefined && isLimitedByLoad(cell) ? '\\*' : '')
}

function proportion(value: number | undefined): string {
  return value === undefined ? NONE : number(value, 2)
}

/** Brokers from left to right, and the ratios of one of them to some of the others. */
interface Comparison {
  section: Scenario['section']
  of: BrokerName
  brokers: readonly BrokerName[]
  ratiosTo: readonly BrokerName[]
  /** Whether the goal is shown after each ratio. */
  goals: boolean
  /**
   * Only some rows of the section.
   * @default all
   */
  only?: readonly string[]
}

const withOthers: readonly BrokerName[] = [
  'command',
  'relay',
  'mosquitto',
  'mosquitto-2.1',
  'rumqttd',
  'mochi',
  'aedes',
]
const libraryAndOthers: readonly BrokerName[] = ['anax', 'relay', 'mosquitto', 'aedes']

function comparisonTable(rows: readonly Row[], results: Results, comparison: Comparison): string {
  const { section, of, ratiosTo, goals, only } = comparison
  const own = rows.filter(({ scenario }) => scenario.section === section && (only?.includes(scenario.name) ?? true))
  const columns = comparison.brokers.filter(name => own.some(row => findCell(row, name) !== undefined))
  const compared = ratiosTo.filter(name => columns.includes(name))
  const checked = checkGoals(rows)
  const bound = ({ scenario }: Row, to: BrokerName): string => {
    const goal = checked.find(one => one.scenario === scenario.name && one.metric === 'cpu' && one.to === to)
    return goal === undefined ? '' : ` (${goal.most})`
  }
  const head = [
    '',
    ...columns.map(name => nameOf(name, results)),
    ...compared.map(name => `to ${nameOf(name, results)}`),
  ]
  const lines = own.map(row => [
    `${row.scenario.title} (\`${row.scenario.name}\`)`,
    ...columns.map(name => cpuFigure(findCell(row, name))),
    ...compared.map(name => proportion(ratio(row, 'cpu', of, name)) + (goals ? bound(row, name) : '')),
  ])
  return markdownTable(head, lines)
}

/** A line for each store, because there are too many for columns. */
function storesTable(rows: readonly Row[], results: Results): string {
  const own = rows.filter(({ scenario }) => scenario.section === 'stores')
  const names = results.brokers.filter(name => own.some(row => findCell(row, name) !== undefined))
  const metric = (row: Row, name: BrokerName, of: MetricName) => findCell(row, name)?.median[of]
  const perSecond = (value: number | undefined) => (value === undefined ? NONE : number(value, 0))
  const head = ['', 'store', ...own.flatMap(({ scenario }) => [`\`${scenario.name}\`, µs`, 'per second'])]
  const lines = names.map(name => [
    nameOf(name, results),
    storeNameOf(name),
    ...own.flatMap(row => [figure(metric(row, name, 'cpu')), perSecond(metric(row, name, 'rate'))]),
  ])
  return markdownTable(head, lines)
}

/** Rows that are not about messages and have different units: one line for each figure. */
const singleFigures: readonly (readonly [scenario: string, metric: MetricName, text: string])[] = [
  ['idle-connections', 'residentEach', 'an idle connection: resident bytes'],
  ['idle-connections-tls', 'residentEach', 'an idle connection over TLS: resident bytes'],
  ['conn-storm', 'cpu', 'one of 10,000 that connect at once: µs'],
  ['sessions', 'heapEach', 'a stored session without a queue, beside its identifier: bytes of heap'],
  ['sessions', 'residentEach', 'the same: resident bytes'],
  ['subscriptions', 'heapEach', 'one of 1,000,000 subscriptions: bytes of heap'],
  ['subscriptions', 'residentEach', 'the same: resident bytes'],
  ['subscriptions', 'growth', 'what a message costs beside them, to what it costs beside 1,000'],
  ['retained', 'heapEach', 'one of 1,000,000 retained messages, beside its payload: bytes of heap'],
  ['retained', 'residentEach', 'the same: resident bytes'],
  ['retained', 'first', 'from SUBSCRIBE to the first of them: ms'],
  ['retained', 'stall', 'the longest wait of another client while one fetches all of them: ms'],
  ['queue-1m', 'cpu', 'queueing one of 1,000,000 messages: µs'],
  ['queue-1m', 'drainCpu', 'sending it when the client returns: µs'],
  ['expiry', 'stall', 'the longest wait of another client while 1,000,000 messages expire: ms'],
  ['open', 'start', 'a start on 100,000 sessions and 1,000,000 messages on disk: ms'],
]

function singleFiguresTable(rows: readonly Row[], results: Results): string {
  const columns: BrokerName[] = ['anax', 'anax-lmdb-commit', 'relay', 'mosquitto', 'aedes']
  const lines = singleFigures.flatMap(([name, metric, text]) => {
    const row = rows.find(({ scenario }) => scenario.name === name)
    if (row === undefined) return []
    const { digits } = metrics[metric]
    const cells = columns.map(broker => findCell(row, broker)?.median[metric])
    return [[`${text} (\`${name}\`)`, ...cells.map(value => (value === undefined ? NONE : number(value, digits)))]]
  })
  const head = ['', ...columns.map(name => (name === 'anax-lmdb-commit' ? 'Anax, LMDB' : nameOf(name, results)))]
  return markdownTable(head, lines)
}

function goalLine({ scenario, metric, to, most, value }: CheckedGoal, results: Results): string[] {
  const what = metrics[metric].label
  return [
    `\`${scenario}\``,
    to === 'itself' ? what : `${what}, to ${nameOf(to, results)}`,
    `${most}`,
    proportion(value),
  ]
}

function goalsText(rows: readonly Row[], results: Results): string {
  const checked = checkGoals(rows)
  const missed = checked.filter(({ verdict }) => verdict === 'missed')
  const measured = checked.filter(({ verdict }) => verdict !== 'not measured')
  const counts = `Of ${measured.length} goals that were measured, ${measured.length - missed.length} are reached`
  if (missed.length === 0) return `${counts}.`
  const table = markdownTable(
    ['', 'goal', 'at most', 'measured'],
    missed.map(goal => goalLine(goal, results)),
  )
  return `${counts}. These are missed:\n\n${table}`
}

/** Lost and duplicated messages, and failed runs, of all brokers. */
function faultsText(rows: readonly Row[]): string {
  const faults = rows.flatMap(({ scenario, cells }) =>
    cells.flatMap(({ broker, median: { lost = 0, doubled = 0 }, failures }) => {
      const where = `\`${broker}\` in \`${scenario.name}\``
      return [
        ...(lost + doubled > 0 ? [`${where}: ${lost} lost, ${doubled} doubled or out of order`] : []),
        ...(failures.length > 0 ? [`${where}: ${failures[0]!.failure}`] : []),
      ]
    }),
  )
  if (faults.length === 0) return 'No message was lost or doubled, and no run failed.'
  return `Messages lost or doubled, and runs that failed:\n\n${faults.map(fault => `- ${fault}`).join('\n')}`
}

function circumstancesText(rows: readonly Row[], results: Results): string {
  const { machine, effort, repetitions } = results
  const cores = machine.pinned ? 'broker and load bound to one each' : 'nothing bound to one'
  return [
    `${versionsText(results)}; ${machine.cores} cores (${machine.model}), ${cores};`,
    `medians of up to ${repetitions} repetitions of ${effort.seconds} s;`,
    `load average before the run: ${number(machine.loadBefore, 1)}.`,
    faultsText(rows),
  ].join(' ')
}

/** Those of the README. */
const readmeRows = ['qos0-pairs', 'qos0-single', 'qos0-fan-in', 'qos0-16k', 'qos1-pairs', 'qos1-fan-out-100']
const readmeOnly = [...readmeRows, 'qos2-window-20', '10k-200'].map(name => `command-${name}`)

/** Every block, by its name in the documents. */
export function blocksOf(results: Results): Record<string, string> {
  const rows = rowsOf(results)
  const table = (comparison: Comparison) => comparisonTable(rows, results, comparison)
  const ofCommand = { of: 'command', brokers: withOthers } as const
  const ofLibrary = { of: 'anax', brokers: libraryAndOthers, goals: false } as const
  return {
    circumstances: circumstancesText(rows, results),
    readme: table({ ...ofCommand, section: 'command', ratiosTo: [], goals: false, only: readmeOnly }),
    command: table({ ...ofCommand, section: 'command', ratiosTo: ['relay', 'rumqttd'], goals: true }),
    connecting: table({ ...ofCommand, section: 'connecting', ratiosTo: ['relay', 'rumqttd'], goals: true }),
    messages: table({ ...ofLibrary, section: 'messages', ratiosTo: ['relay', 'mosquitto', 'aedes'] }),
    stores: storesTable(rows, results),
    suite: table({ ...ofLibrary, section: 'suite', ratiosTo: ['mosquitto', 'aedes'] }),
    figures: singleFiguresTable(rows, results),
    goals: goalsText(rows, results),
  }
}
