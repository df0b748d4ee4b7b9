/**
 * The load process: runs one scenario against one broker and reports the sample to its parent. Asks the parent for data
 * of the broker's process, because only the parent can talk to it.
 */
import { once } from 'node:events'
import { findScenario } from '../scenarios/index.js'
import type { LoadContext, MemoryUse, Phase, Sample } from '../types.js'

/** What the parent sends first. */
export type LoadJob = Omit<LoadContext, 'memory' | 'measuring'> & { scenario: string }

/** The requests of the load process to its parent, and the answers. */
export interface LoadAnswers extends Record<Phase, 'done'> {
  memory: MemoryUse
}

/** From the load process to its parent. */
export type LoadMessage = { ask: keyof LoadAnswers } | { sample: Sample } | { failure: string }

function tell(message: LoadMessage): void {
  process.send!(message)
}

async function ask<Request extends keyof LoadAnswers>(request: Request): Promise<LoadAnswers[Request]> {
  const answer = once(process, 'message')
  tell({ ask: request })
  return (await answer)[0]
}

const parent: Pick<LoadContext, 'memory' | 'measuring'> = {
  memory: () => ask('memory'),
  async measuring(phase) {
    await ask(phase)
  },
}

/** Without values that could not be computed, for example if nothing was delivered. */
function finite(sample: Sample): Sample {
  return Object.fromEntries(Object.entries(sample).filter(([, value]) => Number.isFinite(value)))
}

function fail(error: Error): void {
  tell({ failure: error.message })
}

process.on('uncaughtException', fail)
process.on('disconnect', () => process.exit())
process.once('message', ({ scenario, ...job }: LoadJob) => {
  findScenario(scenario)
    .run({ ...job, ...parent })
    .then(sample => tell({ sample: finite(sample) }), fail)
})
