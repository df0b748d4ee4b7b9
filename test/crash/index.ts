/**
 * The long form of the crash test.
 *
 *   npm run test:crash                     300 kills, or as many as ANAX_CRASH_ROUNDS says
 *   ANAX_CRASH_SEED=7 npm run test:crash   the decisions of an earlier run again
 *   npm run test:crash -- aedes            what Aedes with its LevelDB store makes of it (needs the package `level`)
 */
import { type CrashReport, runCrashTest } from './run.js'

const DEFAULT_KILLS = 300
/** As many are told one by one. */
const MAX_FAULTS = 20

async function main(): Promise<void> {
  const broker = process.argv.includes('aedes') ? 'aedes' : 'anax'
  const seed = Number(process.env.ANAX_CRASH_SEED ?? Date.now() % 1_000_000)
  const kills = Number(process.env.ANAX_CRASH_ROUNDS ?? DEFAULT_KILLS)
  console.log(`${broker}: ${kills} kills, seed ${seed}`)
  const report = await runCrashTest({ broker, seed, kills })
  const { faults, ...numbers } = report
  console.log({ ...numbers, faults: faults.length })
  for (const fault of faults.slice(0, MAX_FAULTS)) console.log(`  ${fault}`)
  if (broker === 'anax' && !isClean(report)) process.exitCode = 1
}

function isClean({ missing, doubled, misordered, willsMissing, willsUnwanted, faults }: CrashReport): boolean {
  return missing + doubled + misordered + willsMissing + willsUnwanted + faults.length === 0
}

main().catch(error => {
  console.error(error)
  process.exitCode = 1
})
