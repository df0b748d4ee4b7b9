/**
 * Fuzzes a broker for some minutes.
 *
 *   npm run fuzz -- --minutes 5 --seed 42
 *
 * Ends with exit code 1 if there was a fault, and prints its seed and round.
 */
import { parseArgs } from 'node:util'
import { FuzzRun } from './fuzz-run.js'

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } })
const minutes = Number(values.minutes ?? 1)
const seed = Number(values.seed ?? Date.now() % 1_000_000)

/** Heap growth that is allowed, in MiB: compiled code, and what V8 keeps. */
const HEAP_MARGIN_MB = 8

const run = new FuzzRun(seed)
await run.start()
const until = Date.now() + minutes * 60_000
let base: number | undefined
let isWell = true
while (isWell && Date.now() < until) {
  isWell = await run.round()
  // after the first hundred rounds all code was used once
  if (run.report.rounds === 100) base = heapMb()
}
if (isWell) await run.end()
const left = heapMb()
if (base !== undefined && left > base + HEAP_MARGIN_MB) run.faults.push(`heap: ${base} MiB at first, ${left} MiB now`)
const { rounds, inputs, bytes, codes } = run.report
const count = Object.values(inputs).reduce((sum, each) => sum + each, 0)
console.log(`seed ${seed}: ${count} connections in ${rounds} rounds, ${bytes} bytes (${textOf(inputs)})`)
console.log(`ended by: ${textOf(codes)}`)
console.log(`heap: ${base ?? 'not measured'} MiB after 100 rounds, ${left} MiB at the end`)
for (const fault of run.faults.slice(0, 20)) console.log(`FAULT in round ${rounds}: ${fault}`)
process.exit(run.faults.length === 0 ? 0 : 1)

function heapMb(): number {
  globalThis.gc?.()
  return Math.round(process.memoryUsage().heapUsed / 2 ** 20)
}

function textOf(counts: Record<string, number>): string {
  const sorted = Object.entries(counts).sort(([, one], [, other]) => other - one)
  return sorted.map(([name, count]) => `${name} ${count}`).join(', ')
}
