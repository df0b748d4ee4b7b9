/**
 * How thorough this run is: `npm run test:fast`, `npm test` or `npm run test:full`. Only this file reads the choice; it
 * knows no tests.
 */

const EFFORTS = ['fast', 'normal', 'full'] as const
export type Effort = (typeof EFFORTS)[number]

/** `npm test` is normal, and so is a test file that is run alone. */
export const effort: Effort = EFFORTS.find(name => name === process.env.ANAX_TEST_EFFORT) ?? 'normal'

const RUNS: Readonly<Record<Effort, number>> = { fast: 0.2, normal: 1, full: 10 }

/** The value for this run. */
export function byEffort<T>(values: Readonly<Record<Effort, T>>): T {
  return values[effort]
}

/**
 * The number of runs of a property test.
 * @param normal in `npm test`; the fast run has a fifth of it, the full run ten times as many
 */
export function runs(normal: number): number {
  return Math.ceil(normal * RUNS[effort])
}
