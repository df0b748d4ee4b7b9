/**
 * Runs one attack on its own target, and compares the measurements with the bounds and with Mosquitto under the same
 * attack. Must not know the attacks.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Attacked } from './attacked.js'
import { type Latency, startCanary } from './canary.js'
import type { Bounds, Outcome, Ratios, Scenario } from './scenarios/scenario.js'
import { MeasuredBroker } from './targets/measured-broker.js'
import { commandTarget, mosquittoTarget, relayTarget } from './targets/programs.js'
import type { Measured, Target } from './targets/target.js'
import { inTime } from './waiting.js'

const NONE = Number.POSITIVE_INFINITY

/** Suffix of bounds that are ratios to Mosquitto. */
export const BESIDE = ' beside Mosquitto'

/** How long an attack on one target may take, in milliseconds. */
const LONGEST_MS = 300_000

/** How long the latency of an idle broker is measured, in milliseconds. */
const IDLE_MS = 2000

export type Figures = Partial<Measured> & Latency & Outcome & { p99OverIdle?: number }

/**
 * Attacks a broker of this package.
 * @param measures whether it measures itself
 */
export async function attack(scenario: Scenario, scale: number, measures = true): Promise<Figures> {
  const { users, options, hasTls } = scenario
  const target = users === undefined ? MeasuredBroker.start({ options, hasTls }, measures) : commandTarget(users)
  return attackOn(await target, scenario, scale)
}

/** The same attack on Mosquitto, which must be installed. */
export async function attackMosquitto(scenario: Scenario, scale: number): Promise<Figures> {
  return attackOn(await mosquittoTarget(scenario.users), scenario, scale)
}

/** The same attack on the bare relay. */
export async function attackRelay(scenario: Scenario, scale: number): Promise<Figures> {
  return attackOn(await relayTarget(), scenario, scale)
}

async function attackOn(target: Target, scenario: Scenario, scale: number): Promise<Figures> {
  const attacked = new Attacked(target)
  try {
    return await inTime('end of the attack', runOn(target, attacked, scenario, scale), LONGEST_MS)
  } finally {
    await attacked.end()
  }
}

async function runOn(target: Target, attacked: Attacked, scenario: Scenario, scale: number): Promise<Figures> {
  const run = await scenario.prepare(attacked, scale)
  const idle = scenario.bounds.p99OverIdle === undefined ? undefined : await idleLatency(target, scenario)
  // measuring begins and ends with garbage collections, which would delay the healthy pair
  await target.begin()
  const stop = await startCanary(target.ports.tcp, scenario.users?.[0])
  const outcome = await run()
  const latency = await stop()
  const measured = await target.finish()
  return { ...measured, ...outcome, ...latency, ...(idle && { p99OverIdle: latency.p99 - idle.p99 }) }
}

async function idleLatency({ ports }: Target, { users }: Scenario): Promise<Latency> {
  const stop = await startCanary(ports.tcp, users?.[0])
  await pause(IDLE_MS)
  return stop()
}

/**
 * The bounds that were exceeded.
 * @param plain figures of a broker that did not measure itself, if Mosquitto was attacked as well
 */
export function overstepped(
  { bounds, besideMosquitto }: Scenario,
  figures: Figures,
  plain?: Figures,
  mosquitto?: Figures,
): string[] {
  const all: Bounds = { turnWithGcMs: 50, ...bounds }
  const over: string[] = (Object.keys(all) as (keyof Bounds)[]).filter(
    name => (figures[name] ?? 0) > (all[name] ?? NONE),
  )
  if (plain === undefined || mosquitto === undefined || besideMosquitto === undefined) return over
  const { p99 = NONE, letInMs = NONE, perSecond = 0, deliveredRatio = 0 }: Ratios = besideMosquitto
  const ratioOf = (name: keyof Ratios) => (plain[name] ?? 0) / (mosquitto[name] ?? 0)
  if (ratioOf('p99') > p99) over.push(`p99${BESIDE}`)
  if (ratioOf('letInMs') > letInMs) over.push(`letInMs${BESIDE}`)
  if (ratioOf('perSecond') < perSecond) over.push(`perSecond${BESIDE}`)
  if (ratioOf('deliveredRatio') < deliveredRatio) over.push(`deliveredRatio${BESIDE}`)
  return over
}
