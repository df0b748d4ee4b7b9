/**
 * Lets clients do everything for some minutes, and looks whether a broker is afterwards as it was before.
 *
 *   npm run soak -- --minutes 5 --store lmdb --seed 42
 *
 * Ends with exit code 1 where something has grown.
 */
import { parseArgs } from 'node:util'
import { grown } from './leavings.js'
import { SoakRun, type StoreKind } from './soak-run.js'

const options = { minutes: { type: 'string' }, store: { type: 'string' }, seed: { type: 'string' } } as const
const { values } = parseArgs({ options })
const minutes = Number(values.minutes ?? 1)
const store: StoreKind = values.store === 'lmdb' ? 'lmdb' : 'memory'
const seed = Number(values.seed ?? Date.now() % 1_000_000)

/** After the first ones, everything has been used and compiled once. */
const WARM_UP_CYCLES = 2
const CYCLES = 8

const run = await SoakRun.start(store, seed)
const cycleMs = (minutes * 60_000) / CYCLES
const cycles = []
for (let cycle = 0; cycle < CYCLES; cycle++) {
  const until = Date.now() + cycleMs
  cycles.push(await run.cycle(() => Date.now() < until))
}
const base = cycles[WARM_UP_CYCLES - 1]!
const last = cycles.at(-1)!
const faults = [...grown(base, last), ...new Set(run.failures)]
console.log(`seed ${seed}, store ${store}, ${minutes} minutes: ${textOf(run.churn.counts)}`)
console.log(`dropped: ${textOf(run.drops)}`)
console.log(`after cycle ${WARM_UP_CYCLES}: ${textOf(base)}`)
console.log(`after cycle ${CYCLES}: ${textOf(last)}`)
for (const fault of faults) console.log(`FAULT: ${fault}`)
await run.end()
process.exit(faults.length === 0 ? 0 : 1)

function textOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}
