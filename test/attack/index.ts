/**
 * Attacks on a broker, one after the other, each with what has to hold meanwhile.
 *
 *   npm run attack                    all
 *   npm run attack -- retained burst  those whose names contain one of the words
 *   ANAX_ATTACK_SCALE=0.1 npm run attack
 */
import { Attacked } from './attacked.js'
import { SCENARIOS } from './scenarios.js'

const words = process.argv.slice(2)
const scale = Number(process.env.ANAX_ATTACK_SCALE ?? 1)
for (const { name, options, maxTurnMs, prepare } of SCENARIOS) {
  if (words.length > 0 && !words.some(word => name.includes(word))) continue
  const broker = await Attacked.start(options)
  const attack = await prepare(broker, scale)
  const stop = await broker.canary()
  const measured = await broker.measure(attack)
  const canary = await stop()
  await broker.end()
  const held = measured.turnMs <= maxTurnMs
  if (!held) process.exitCode = 1
  const figures = {
    turnMs: measured.turnMs,
    withGcMs: measured.turnWithGcMs,
    cpuMs: measured.cpuMs,
    heapMb: measured.heapMb,
    rssMb: measured.rssMb,
    p50: canary.p50,
    p99: canary.p99,
    lost: canary.lost,
  }
  const text = Object.entries(figures).map(([key, value]) => `${key} ${value.toFixed(value < 100 ? 1 : 0)}`)
  console.log(`${held ? 'holds' : 'FAILS'}  ${name}: ${text.join(', ')}`)
}
