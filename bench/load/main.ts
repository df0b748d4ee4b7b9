/**
 * The load process: runs one scenario against one broker and tells its parent the sample. Asks the parent
 * for the broker's memory, as only the parent can talk to the broker's process.
 */
import { once } from 'node:events'
import { findScenario } from '../scenarios/index.js'
import type { LoadContext, MemoryUse, Sample } from '../types.js'

/** What the parent hands over as the only argument. */
export type LoadJob = Omit<LoadContext, 'memory'> & { scenario: string }

/** From the load process to its parent. */
export type LoadMessage = { ask: 'memory' } | { sample: Sample } | { failure: string }

function tell(message: LoadMessage): void {
  process.send!(message)
}

async function memory(): Promise<MemoryUse> {
  const answer = once(process, 'message')
  tell({ ask: 'memory' })
  return (await answer)[0]
}

/** Without what could not be computed, as when nothing was delivered. */
function finite(sample: Sample): Sample {
  return Object.fromEntries(Object.entries(sample).filter(([, value]) => Number.isFinite(value)))
}

function fail(error: Error): void {
  tell({ failure: error.message })
}

const { scenario, ...job }: LoadJob = JSON.parse(process.argv[2]!)
process.on('uncaughtException', fail)
process.on('disconnect', () => process.exit())
findScenario(scenario)
  .run({ ...job, memory })
  .then(sample => tell({ sample: finite(sample) }), fail)
