/**
 * The benchmark's command line: chooses scenarios and brokers, measures them in turns, reports, checks.
 * See README.md for what the numbers mean.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runAgainst } from './against/run.js'
import { makeCertificate } from './brokers/certificate.js'
import { installed } from './brokers/start.js'
import { writeChart } from './charts/file.js'
import { checkGoals, findFaults } from './check.js'
import { openFilesLimit } from './measure.js'
import { type Failure, measure } from './measurement.js'
import { writePlots } from './plots.js'
import { type Budget, budgetTable, findDoubts } from './profile/budget.js'
import { budgetChart } from './profile/chart.js'
import { Profiling, profiledBrokers, profiledByDefault } from './profile/profiling.js'
import { goalTable, json, tables } from './report.js'
import { growthScenarios } from './scenarios/growth.js'
import { scenarios } from './scenarios/index.js'
import { cellOf, type Row } from './statistics.js'
import { type BrokerName, brokerNames, type Effort, type Sample, type Scenario } from './types.js'

const USAGE = `bench [--only name,name] [--brokers a,b] [--reps N] [--seconds S] [--scale F] [--quick]
      [--plots | --profile | --against DIR] [--json file] [--check] [--list]`

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    brokers: { type: 'string' },
    reps: { type: 'string' },
    seconds: { type: 'string' },
    scale: { type: 'string' },
    quick: { type: 'boolean', default: false },
    plots: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    against: { type: 'string' },
    json: { type: 'string' },
    check: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

interface Choice {
  chosen: Scenario[]
  brokers: BrokerName[]
  repetitions: number
  effort: Effort
}

function named<T extends string>(list: string | undefined, known: readonly T[]): T[] {
  if (list === undefined) return [...known]
  const wanted = list.split(',')
  const unknown = wanted.find(name => !known.includes(name as T))
  if (unknown !== undefined) throw new Error(`${unknown} is none of ${known.join(', ')}`)
  return known.filter(name => wanted.includes(name))
}

const profiling = values.profile ? new Profiling() : undefined

/** What `--against` measures unless told otherwise. */
const DEFAULT_PAIRS = 10

const onlyMessages = profiling !== undefined || (values.against !== undefined && values.only === undefined)

/** What can be chosen from: the rows of the report, the points of the plots, or those about messages. */
const available = values.plots
  ? growthScenarios
  : scenarios.filter(({ section }) => section === 'messages' || !onlyMessages)

function choose(): Choice {
  const names = named(
    values.only ?? (profiling && profiledByDefault.join()),
    available.map(({ name }) => name),
  )
  const all = values.only !== undefined || !values.quick
  const candidates = available.filter(({ quick }) => quick || all)
  const defaults = values.quick ? { reps: 1, seconds: 0.3, scale: 0.05 } : { reps: 3, seconds: 0.8, scale: 1 }
  const seconds = Number(values.seconds ?? defaults.seconds)
  const chosen = candidates.filter(({ name }) => names.includes(name))
  const wanted = (name: BrokerName) => chosen.some(scenario => scenario.brokers.includes(name))
  return {
    chosen,
    brokers: named(values.brokers, profiling ? profiledBrokers : brokerNames).filter(wanted),
    repetitions: Number(values.reps ?? defaults.reps),
    effort: { seconds, warmup: Math.min(0.5, seconds), scale: Number(values.scale ?? defaults.scale) },
  }
}

function brief(result: Sample | Failure, headline: Scenario['headline']): string {
  return 'failure' in result ? result.failure : (result[headline]?.toPrecision(3) ?? '-')
}

/** Each repetition goes through all scenarios, and each scenario through all brokers, in turns. */
async function measureAll({ chosen, brokers, repetitions, effort }: Choice): Promise<Row[]> {
  const measureOne = profiling?.measure ?? measure
  const certificate = await makeCertificate()
  process.once('exit', certificate.remove)
  process.once('SIGINT', () => process.exit(130))
  const results = new Map<string, (Sample | Failure)[]>()
  const takingPart = (scenario: Scenario) => brokers.filter(name => installed(name) && scenario.brokers.includes(name))
  const enoughFiles = (scenario: Scenario) => scenario.openFiles * effort.scale <= openFilesLimit()
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const scenario of chosen.filter(one => repetition < one.maxRepetitions)) {
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
      process.stderr.write('\n')
    }
  }
  return chosen.map(scenario => ({
    scenario,
    cells: takingPart(scenario).map(broker => cellOf(broker, results.get(`${scenario.name} ${broker}`)!)),
  }))
}

/** Prints and draws where the time goes; returns what speaks against it. */
function reportProfile(budgets: Budget[]): string[] {
  console.log(`\n${budgetTable(budgets)}\n`)
  if (budgets.length > 0) console.log(`written: ${writeChart('budget', budgetChart(budgets))}`)
  return findDoubts(budgets)
}

/** Anax of another checkout and of this one, in turns. */
async function compareWith(checkout: string, { chosen, effort }: Choice): Promise<void> {
  const own = chosen.filter(({ brokers }) => brokers.includes('anax'))
  const pairs = Number(values.reps ?? DEFAULT_PAIRS)
  const faults = await runAgainst({ checkout, scenarios: own, pairs, effort, json: values.json })
  for (const fault of faults) console.log(`FAULT ${fault}`)
  if (values.check && faults.length > 0) process.exitCode = 1
}

async function main(): Promise<void> {
  if (values.help) return console.log(USAGE)
  if (values.list) return console.log(available.map(({ name, title }) => `${name.padEnd(32)} ${title}`).join('\n'))
  const choice = choose()
  if (values.against !== undefined) return compareWith(values.against, choice)
  const rows = await measureAll(choice)
  const checked = checkGoals(rows)
  const faults = findFaults(rows)
  console.log(tables(rows, choice))
  if (checked.length > 0 && installed('anax')) console.log(`\n${goalTable(checked)}`)
  const doubts = profiling ? reportProfile(profiling.budgets(rows)) : []
  for (const fault of [...faults, ...doubts]) console.log(`FAULT ${fault}`)
  if (values.plots) for (const path of writePlots(rows)) console.log(`written: ${path}`)
  if (values.json !== undefined) writeFileSync(values.json, json(rows, choice, checked))
  const missed = checked.some(({ verdict }) => verdict === 'missed')
  if (doubts.length > 0 || (values.check && (missed || faults.length > 0))) process.exitCode = 1
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 2
})
