/**
 * Runs attacks on a broker, one after the other, and checks the bounds of each.
 *
 *   npm run attack                          all
 *   npm run attack -- retained burst        those whose names contain one of the words
 *   ANAX_ATTACK_SCALE=0.1 npm run attack    smaller
 */
import { attack, attackMosquitto, attackRelay, type Figures, overstepped } from './attack.js'
import { SCENARIOS } from './scenarios/index.js'
import type { Scenario } from './scenarios/scenario.js'
import { figuresTable, mosquittoTable, type Run } from './tables.js'
import { withoutMosquitto } from './targets/programs.js'

const words = process.argv.slice(2)
const scale = Number(process.env.ANAX_ATTACK_SCALE ?? 1)
if (withoutMosquitto) console.log(`Nothing is compared with Mosquitto: ${withoutMosquitto}`)
const runs: Run[] = []
for (const scenario of SCENARIOS) {
  if (words.length > 0 && !words.some(word => scenario.name.includes(word))) continue
  try {
    const run = await runOf(scenario)
    runs.push(run)
    report(run)
  } catch (error) {
    process.exitCode = 1
    console.log(`FAILS  ${scenario.name}: ${(error as Error).message}`)
  }
}
console.log(`\nFor docs/reliability.md:\n\n${figuresTable(runs)}`)
if (runs.some(({ mosquitto }) => mosquitto !== undefined)) console.log(`\n${mosquittoTable(runs)}`)

async function runOf(scenario: Scenario): Promise<Run> {
  const figures = await attack(scenario, scale)
  const isCompared = scenario.besideMosquitto !== undefined && !withoutMosquitto
  const plain = isCompared ? await attack(scenario, scale, false) : undefined
  const mosquitto = isCompared ? await attackMosquitto(scenario, scale) : undefined
  const relay = scenario.besideMosquitto?.perSecond === undefined ? undefined : await attackRelay(scenario, scale)
  return { scenario, figures, plain, mosquitto, relay, over: overstepped(scenario, figures, plain, mosquitto) }
}

function report({ scenario, figures, plain, mosquitto, relay, over }: Run): void {
  if (over.length > 0) process.exitCode = 1
  const verdict = over.length === 0 ? 'holds' : `FAILS (${over.join(', ')})`
  console.log(`${verdict}  ${scenario.name}: ${textOf(figures)}`)
  if (plain !== undefined) console.log(`       without measuring itself: ${textOf(plain)}`)
  if (mosquitto !== undefined) console.log(`       Mosquitto: ${textOf(mosquitto)}`)
  if (relay !== undefined) console.log(`       the bare relay: ${textOf(relay)}`)
}

function textOf(figures: Figures): string {
  return Object.entries(figures)
    .map(([key, value]) => `${key} ${value.toFixed(value < 100 ? 1 : 0)}`)
    .join(', ')
}
