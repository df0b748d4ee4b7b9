/**
 * What a check for listeners costs if there are none: nanoseconds per check, compared with a loop without it.
 *
 *   npm run build && node dist/bench/costs/trace-point.js
 */
import { publishes } from '../../lib/model/metering/trace-points.js'

const ROUNDS = 7
const CHECKS = 50_000_000

/** @returns nanoseconds for each iteration of the loop */
function measure(isChecked: boolean): number {
  let seen = 0
  const begin = process.hrtime.bigint()
  if (isChecked) for (let count = 0; count < CHECKS; count++) seen += publishes.isOn ? 2 : count & 1
  else for (let count = 0; count < CHECKS; count++) seen += count & 1
  const took = Number(process.hrtime.bigint() - begin)
  if (seen > CHECKS) throw new Error('somebody listens')
  return took / CHECKS
}

const differences: number[] = []
for (let round = 0; round < ROUNDS; round++) differences.push(measure(true) - measure(false))
const [median = 0] = differences.sort((one, other) => one - other).slice(Math.floor(ROUNDS / 2))
console.log(`${median.toFixed(2)} ns for each check`)
