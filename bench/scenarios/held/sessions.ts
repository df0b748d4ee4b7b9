/** The memory of stored sessions whose clients are disconnected, without queues and subscriptions. */
import { Client, openMany } from '../../load/clients/client.js'
import { residentBytes } from '../../measure.js'
import { type LoadContext, type Sample, type Scenario, scenario } from '../../types.js'
import { memoryEach, scaled } from './held.js'

/** With fewer, a session is small compared with the process. */
const LEAST = 20_000
/** Clients that have connected and disconnected before, so that code is compiled. */
const EARLIER = 2000

const idOf = (index: number) => `sleeper-${`${index}`.padStart(7, '0')}`

async function leaveSessions(context: LoadContext, from: number, count: number): Promise<void> {
  await openMany(count, async i => {
    const client = await Client.open(context, { clientId: idOf(from + i), version: 4, session: 'stored' })
    await client.leave()
  })
}

async function run(context: LoadContext): Promise<Sample> {
  const count = Math.max(LEAST, scaled(context, 30_000))
  await leaveSessions(context, 0, EARLIER)
  const before = await context.memory()
  await leaveSessions(context, EARLIER, count)
  const after = await context.memory()
  return { ...memoryEach(before, after, count, idOf(0).length), resident: residentBytes(context.pid) }
}

export const sessionScenarios: Scenario[] = [
  scenario({
    name: 'sessions',
    title: 'memory of 30,000 stored sessions without a queue, beside their identifiers',
    section: 'held',
    unit: 'session',
    headline: 'heapEach',
    brokers: ['anax', 'mosquitto'],
    maxRepetitions: 1,
    timeLimit: 180,
    run,
  }),
]
