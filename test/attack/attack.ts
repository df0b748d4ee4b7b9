/** Runs one attack on a broker of its own, and compares what it measured with the bounds. Must not know the attacks. */
import { Attacked } from './attacked.js'
import type { Measured } from './broker-process.js'
import { type Latency, startCanary } from './canary.js'
import type { Bounds, Scenario } from './scenarios/scenario.js'

const NONE = Number.POSITIVE_INFINITY

export type Figures = Measured & Latency

export async function attack(scenario: Scenario, scale: number): Promise<Figures> {
  const broker = await Attacked.start(scenario.options)
  try {
    const run = await scenario.prepare(broker, scale)
    const stop = await startCanary(broker.port)
    const measured = await broker.measure(run)
    return { ...measured, ...(await stop()) }
  } finally {
    await broker.end()
  }
}

/** The bounds that did not hold. */
export function overstepped({ bounds }: Scenario, figures: Figures): string[] {
  const all: Required<Bounds> = { turnWithGcMs: 50, growthMb: NONE, keptRatio: NONE, ...bounds }
  return (Object.keys(all) as (keyof Bounds)[]).filter(name => figures[name] > all[name])
}
