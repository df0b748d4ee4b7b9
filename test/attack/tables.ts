/** Renders the figures of a run as the tables of docs/reliability.md. Must not know how they were measured. */
import { BESIDE, type Figures } from './attack.js'
import type { Bounds, Ratios, Scenario } from './scenarios/scenario.js'

/** The results of one scenario. */
export interface Run {
  readonly scenario: Scenario
  readonly figures: Figures
  /** Figures of a broker that did not measure itself, if Mosquitto was attacked as well. */
  readonly plain: Figures | undefined
  readonly mosquitto: Figures | undefined
  /** Figures of the bare relay, if rates are compared. */
  readonly relay: Figures | undefined
  /** The bounds that were exceeded. */
  readonly over: readonly string[]
}

const COLUMNS = [
  'Longest turn',
  'With garbage collection',
  'Memory grows by',
  'Memory kept',
  'Healthy pair, 99 %',
  'Bounds',
]

const RATIOS: Readonly<Record<keyof Ratios, string>> = {
  p99: 'healthy pair, 99 %',
  perSecond: 'connects, or messages, per second',
  letInMs: 'the right one is let in',
  deliveredRatio: 'messages that arrived',
}

/** All scenarios in which the broker measured itself. */
export function figuresTable(runs: readonly Run[]): string {
  const rows = runs
    .filter(({ figures }) => figures.turnMs !== undefined)
    .map(({ scenario, figures, over }) => [
      scenario.name,
      withUnit(figures.turnMs, 'ms'),
      withUnit(figures.turnWithGcMs, 'ms'),
      withUnit(figures.growthMb, 'MB'),
      withUnit(figures.keptRatio, 'times'),
      withUnit(figures.p99, 'ms'),
      `${boundsOf(scenario.bounds)}: ${verdictOf(over.filter(name => !name.endsWith(BESIDE)))}`,
    ])
  return table(['Scenario', ...COLUMNS], rows)
}

/** The scenarios in which Mosquitto was attacked in the same way. */
export function mosquittoTable(runs: readonly Run[]): string {
  const rows = runs.flatMap(({ scenario, plain, mosquitto, relay, over }) =>
    (Object.entries(scenario.besideMosquitto ?? {}) as [keyof Ratios, number][]).map(([name, ratio]) => [
      scenario.name,
      RATIOS[name],
      numberOf(plain?.[name]),
      numberOf(mosquitto?.[name]),
      name === 'perSecond' ? numberOf(relay?.[name]) : '–',
      `${ratio} times: ${over.includes(`${name}${BESIDE}`) ? 'missed' : 'holds'}`,
    ]),
  )
  return table(['Scenario', 'What', 'Anax', 'Mosquitto', 'Bare relay', 'Goal'], rows)
}

function verdictOf(over: readonly string[]): string {
  return over.length === 0 ? 'hold' : `missed (${over.join(', ')})`
}

function boundsOf(limits: Bounds): string {
  const { turnMs, growthMb, keptRatio, p99OverIdle, granted, endedMs, takenPerSecond, uncounted } = limits
  const bounds = [
    turnMs !== undefined && `${turnMs} ms`,
    growthMb !== undefined && `${growthMb} MB`,
    keptRatio !== undefined && `${keptRatio} times`,
    p99OverIdle !== undefined && `${p99OverIdle} ms over an idle run`,
    granted !== undefined && `${granted} granted`,
    endedMs !== undefined && `closed in ${endedMs / 1000} s`,
    takenPerSecond !== undefined && `${takenPerSecond} messages/s`,
    uncounted === 0 && 'all counted',
  ]
  return bounds.filter(Boolean).join(', ')
}

function withUnit(value: number | undefined, unit: string): string {
  return value === undefined ? 'not measured' : `${numberOf(value)} ${unit}`
}

function numberOf(value: number | undefined): string {
  return value === undefined ? 'not measured' : value.toFixed(value < 100 ? 1 : 0)
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  return [columns, columns.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}
