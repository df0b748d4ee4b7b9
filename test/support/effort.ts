/**
 * How thorough the tests are in this run: `npm run test:fast`, `npm test` or `npm run test:full`.
 * The one place that reads the choice; knows nothing of the tests.
 */

const EFFORTS = ['fast', 'normal', 'full'] as const
export type Effort = (typeof EFFORTS)[number]

/** `npm test` is normal, and so is a test file that is run by itself. */
export const effort: Effort = EFFORTS.find(name => name === process.env.ANAX_TEST_EFFORT) ?? 'normal'

const RUNS: Readonly<Record<Effort, number>> = { fast: 0.2, normal: 1, full: 10 }

/** The value for this run. */
export function byEffort<T>(values: Readonly<Record<Effort, T>>): T {
  return values[effort]
}

/**
 * How often a property test runs.
 *
 * @param normal in `npm test`; a fifth of it in the fast run, ten times as many in the full one
 */
export function runs(normal: number): number {
  return Math.ceil(normal * RUNS[effort])
}
