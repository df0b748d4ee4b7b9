/** Compares a run with the goals, and checks what must never happen in any scenario. */
import { type Goal, goals } from './goals.js'
import { type Cell, findCell, type Row, ratio } from './statistics.js'
import { isAnax } from './types.js'

export type Verdict = 'reached' | 'missed' | 'not measured'

export interface CheckedGoal extends Goal {
  value: number | undefined
  verdict: Verdict
}

function valueOfGoal(row: Row, { metric, to, of = 'anax' }: Goal): number | undefined {
  return to === 'itself' ? findCell(row, of)?.median[metric] : ratio(row, metric, of, to)
}

function checked(goal: Goal, row: Row): CheckedGoal {
  const value = valueOfGoal(row, goal)
  const verdict = value === undefined ? 'not measured' : value <= goal.most ? 'reached' : 'missed'
  return { ...goal, value, verdict }
}

/** The goals of the scenarios that were run. */
export function checkGoals(rows: readonly Row[]): CheckedGoal[] {
  return rows.flatMap(row => goals.filter(goal => goal.scenario === row.scenario.name).map(goal => checked(goal, row)))
}

function faultsOf({ broker, median: { lost = 0, doubled = 0 }, failures }: Cell): string[] {
  if (!isAnax(broker)) return []
  return [
    ...(lost > 0 ? [`${lost} lost`] : []),
    ...(doubled > 0 ? [`${doubled} doubled or out of order`] : []),
    ...failures.filter(({ cause }) => cause === 'broker').map(({ failure }) => failure),
  ].map(fault => `${broker}: ${fault}`)
}

/** Describes lost and duplicated messages of Anax, with any store, and failed runs that are its fault. */
export function findFaults(rows: readonly Row[]): string[] {
  return rows.flatMap(({ scenario, cells }) => cells.flatMap(faultsOf).map(fault => `${scenario.name}, ${fault}`))
}
