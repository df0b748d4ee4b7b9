/**
 * The long form of the crash test.
 *
 *   npm run test:crash                         300 kills with each durability
 *   ANAX_CRASH_ROUNDS=1000 npm run test:crash  as many
 *   ANAX_CRASH_SEED=7 npm run test:crash       the decisions of an earlier run again
 *   ANAX_CRASH_RUNS=5 npm run test:crash       five times, with a seed and those that follow it
 *   ANAX_CRASH_DURABILITY=sync npm run test:crash
 *   npm run test:crash -- aedes                what Aedes with its LevelDB store makes of it
 */
import type { LmdbDurability } from '../../lib/persistence/lmdb/lmdb.js'
import { faultsOf } from './checks/findings.js'
import { type CrashOptions, runCrashTest } from './run.js'

const kills = numberOf('ANAX_CRASH_ROUNDS', 1) ?? 300
const firstSeed = numberOf('ANAX_CRASH_SEED', 0) ?? Date.now() % 1_000_000
const runs = numberOf('ANAX_CRASH_RUNS', 1) ?? 1
/** The maximum number of faults that are printed one by one. */
const MAX_DETAILS = 20

for (let run = 0; run < runs; run++) {
  const seed = firstSeed + run
  if (process.argv.includes('aedes')) await tell({ broker: 'aedes', durability: 'commit', seed, kills })
  else for (const durability of durabilities()) await tell({ broker: 'anax', durability, seed, kills })
}

function durabilities(): readonly LmdbDurability[] {
  const all = ['commit', 'sync'] as const
  const wanted = process.env.ANAX_CRASH_DURABILITY
  if (wanted === undefined) return all
  return [all.find(name => name === wanted) ?? wrong('ANAX_CRASH_DURABILITY', 'commit or sync')]
}

/** A typing error must not result in a run without tests. */
function numberOf(name: string, min: number): number | undefined {
  const text = process.env[name]
  if (text === undefined) return undefined
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  return value >= min ? value : wrong(name, `a whole number from ${min}`)
}

function wrong(name: string, expected: string): never {
  console.error(`${name} has to be ${expected}`)
  process.exit(2)
}

async function tell(options: CrashOptions): Promise<void> {
  const { broker, durability, seed } = options
  console.log(`${broker === 'anax' ? `anax, ${durability}` : broker}: ${kills} kills, ANAX_CRASH_SEED=${seed}`)
  const { details, ...numbers } = await runCrashTest(options)
  console.log(numbers)
  for (const detail of details.slice(0, MAX_DETAILS)) console.log(`  ${detail}`)
  if (broker === 'anax' && Object.keys(faultsOf(numbers)).length > 0) process.exitCode = 1
}
