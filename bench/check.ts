/** Compares a run with the goals, and looks for what must never happen in any scenario. */
import { type Goal, goals } from './goals.js'
import { findCell, type Row, ratio } from './statistics.js'

export type Verdict = 'reached' | 'missed' | 'not measured'

export interface CheckedGoal extends Goal {
  value: number | undefined
  verdict: Verdict
}

function valueOfGoal(row: Row, { metric, to }: Goal): number | undefined {
  return to === 'itself' ? findCell(row, 'anax')?.median[metric] : ratio(row, metric, 'anax', to)
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

/** Messages of Anax lost or doubled, and its runs that failed through its own fault, in words. */
export function findFaults(rows: readonly Row[]): string[] {
  return rows.flatMap(row => {
    const cell = findCell(row, 'anax')
    if (cell === undefined) return []
    const { lost = 0, doubled = 0 } = cell.median
    const { name } = row.scenario
    return [
      ...(lost > 0 ? [`${name}: ${lost} lost`] : []),
      ...(doubled > 0 ? [`${name}: ${doubled} doubled or out of order`] : []),
      ...cell.failures.filter(({ cause }) => cause === 'broker').map(({ failure }) => `${name}: ${failure}`),
    ]
  })
}
