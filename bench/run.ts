/**
 * The benchmark's command line: measures the chosen scenarios in turns, reports, checks. See README.md for the meaning
 * of the numbers.
 */
import { writeFileSync } from 'node:fs'
import { runAgainst } from './against/run.js'
import { makeCertificate } from './brokers/certificate.js'
import { installed } from './brokers/start.js'
import { writeChart } from './charts/file.js'
import { checkGoals, findFaults } from './check.js'
import { available, type Choice, choose, options, USAGE } from './choice.js'
import { writeDocs } from './docs/write.js'
import { openFilesLimit } from './measure.js'
import { type Failure, measure } from './measurement.js'
import { type Budget, budgetTable, findDoubts } from './profile/budget.js'
import { budgetChart } from './profile/chart.js'
import { Profiling } from './profile/profiling.js'
import { writePlots } from './report/plots.js'
import { goalTable, tables } from './report/report.js'
import { resultsOf } from './report/results.js'
import { cellOf, type Row } from './statistics.js'
import type { Sample, Scenario } from './types.js'

const profiling = options.profile ? new Profiling() : undefined

function brief(result: Sample | Failure, headline: Scenario['headline']): string {
  return 'failure' in result ? result.failure : (result[headline]?.toPrecision(3) ?? '-')
}

/** Each repetition runs all scenarios, and each scenario all brokers, in turns. */
async function measureAll({ chosen, brokers, repetitions, repetitionsOf, effort }: Choice): Promise<Row[]> {
  const measureOne = profiling?.measure ?? measure
  const certificate = await makeCertificate()
  process.once('exit', certificate.remove)
  process.once('SIGINT', () => process.exit(130))
  const results = new Map<string, (Sample | Failure)[]>()
  const takingPart = (scenario: Scenario) => {
    const names = brokers.filter(name => installed(name) && scenario.brokers.includes(name))
    // of two versions of Mosquitto, the newer one is enough
    return names.filter(name => name !== 'mosquitto' || !names.includes('mosquitto-2.1'))
  }
  const enoughFiles = (scenario: Scenario) => scenario.openFiles * effort.scale <= openFilesLimit()
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const scenario of chosen.filter(one => repetition < repetitionsOf(one))) {
      const start = performance.now()
      process.stderr.write(`${repetition + 1}/${repetitions} ${scenario.name}:`)
      for (const broker of takingPart(scenario)) {
        const result = enoughFiles(scenario)
          ? await measureOne(scenario, broker, effort, certificate)
          : {
              failure: `needs ${scenario.openFiles * effort.scale} open files, may have ${openFilesLimit()}`,
              cause: 'machine' as const,
            }
        const key = `${scenario.name} ${broker}`
        results.set(key, [...(results.get(key) ?? []), result])
        process.stderr.write(` ${broker} ${brief(result, scenario.headline)};`)
      }
      process.stderr.write(` ${Math.round((performance.now() - start) / 1000)} s\n`)
    }
  }
  return chosen.map(scenario => ({
    scenario,
    cells: takingPart(scenario).map(broker => cellOf(broker, results.get(`${scenario.name} ${broker}`)!)),
  }))
}

/** Prints and draws how the time is divided; returns the faults. */
function reportProfile(budgets: Budget[]): string[] {
  console.log(`\n${budgetTable(budgets)}\n`)
  if (budgets.length > 0) console.log(`written: ${writeChart('budget', budgetChart(budgets))}`)
  return findDoubts(budgets)
}

/** Compares Anax of another checkout with this one, in turns. */
async function compareWith(checkout: string, { chosen: scenarios, pairs, effort }: Choice): Promise<void> {
  const faults = await runAgainst({ checkout, scenarios, pairs, effort, json: options.json })
  for (const fault of faults) console.log(`FAULT ${fault}`)
  if (options.check && faults.length > 0) process.exitCode = 1
}

async function main(): Promise<void> {
  if (options.help) return console.log(USAGE)
  if (options.list) return console.log(available.map(({ name, title }) => `${name.padEnd(32)} ${title}`).join('\n'))
  const choice = choose()
  if (options.against !== undefined) return compareWith(options.against, choice)
  const rows = await measureAll(choice)
  const checked = checkGoals(rows)
  const faults = findFaults(rows)
  console.log(tables(rows, choice))
  if (checked.length > 0) console.log(`\n${goalTable(checked)}`)
  const doubts = profiling ? reportProfile(profiling.budgets(rows)) : []
  for (const fault of [...faults, ...doubts]) console.log(`FAULT ${fault}`)
  if (options.plots) for (const path of writePlots(rows)) console.log(`written: ${path}`)
  const results = resultsOf(rows, choice)
  if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(results, undefined, 2))
  if (options.docs) for (const path of writeDocs(results)) console.log(`written: ${path}`)
  const missed = checked.some(({ verdict }) => verdict === 'missed')
  if (doubts.length > 0 || (options.check && (missed || faults.length > 0))) process.exitCode = 1
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 2
})
