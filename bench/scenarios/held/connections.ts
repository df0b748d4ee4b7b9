/** Connections: the cost of opening and keeping one, and many at once. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, openMany } from '../../load/clients/client.js'
import { Histogram } from '../../load/histogram.js'
import { residentBytes, Stopwatch } from '../../measure.js'
import { type LoadContext, plainSetup, type Sample, type Scenario, scenario } from '../../types.js'
import { memoryEach } from './held.js'

export interface ConnectionPlan {
  /** Those that are measured. */
  clients: number
  /** Clients that are connected before, and stay. */
  earlier: number
  perSecond: number | 'all at once'
  /** Loopback addresses of the broker: each has ports for some 28,000 connections. */
  addresses: number
}

/** With fewer, the memory of a connection is small compared with that of the process. */
const LEAST_FOR_MEMORY = 5000

const EARLIER_PER_SECOND = 5000

/** Connections before the measurement, so that code is compiled and memory has its usual size. */
const WARM_UP = 1000

function open(context: LoadContext, index: number, addresses: number): Promise<Client> {
  const target = { ...context, host: `127.0.0.${1 + (index % addresses)}` }
  return Client.open(target, { clientId: `client-${index}`, version: 4, session: 'clean' })
}

async function warmUp(context: LoadContext): Promise<void> {
  const clients = await openMany(WARM_UP, i => open(context, i, 1))
  for (const client of clients) client.destroy()
  await sleep(200)
}

/**
 * Opens connections with consecutive numbers, in steps of 10 ms at a given rate; resolves when each is open or failed.
 */
async function openAll(
  context: LoadContext,
  [first, end]: readonly [number, number],
  plan: Pick<ConnectionPlan, 'perSecond' | 'addresses'>,
): Promise<OpenedConnections> {
  const latency = new Histogram()
  const openOne = async (index: number): Promise<Client> => {
    const start = performance.now()
    const client = await open(context, index, plan.addresses)
    latency.add(Math.round((performance.now() - start) * 1000))
    return client
  }
  const opening: Promise<Client>[] = []
  const count = end - first
  const start = performance.now()
  while (opening.length < count) {
    const elapsed = (performance.now() - start + 10) / 1000
    const due = plan.perSecond === 'all at once' ? count : Math.min(count, Math.ceil(elapsed * plan.perSecond))
    while (opening.length < due) opening.push(openOne(first + opening.length))
    if (due < count) await sleep(10)
  }
  const outcomes = await Promise.allSettled(opening)
  const clients = outcomes.filter(({ status }) => status === 'fulfilled').length
  return { latency, clients, outcomes }
}

interface OpenedConnections {
  latency: Histogram
  clients: number
  outcomes: PromiseSettledResult<Client>[]
}

function stillOpen(outcomes: PromiseSettledResult<Client>[]): number {
  return outcomes.filter(outcome => outcome.status === 'fulfilled' && !outcome.value.socket.destroyed).length
}

async function measureOpening(context: LoadContext, plan: ConnectionPlan): Promise<Sample> {
  const { scale } = context.effort
  const before = Math.round(plan.earlier * scale)
  const count = Math.round(plan.clients * scale)
  await warmUp(context)
  const earlier = await openAll(context, [0, before], { ...plan, perSecond: EARLIER_PER_SECOND })
  await context.measuring('begin')
  const watch = new Stopwatch(context.pid)
  const { latency, clients, outcomes } = await openAll(context, [before, before + count], plan)
  const { seconds, brokerMicros, ownShare } = watch.read()
  await context.measuring('end')
  await sleep(200)
  return {
    cpu: brokerMicros / clients,
    rate: clients / seconds,
    p50: latency.percentile(0.5),
    p99: latency.percentile(0.99),
    p999: latency.percentile(0.999),
    resident: residentBytes(context.pid),
    refused: before + count - stillOpen(earlier.outcomes) - stillOpen(outcomes),
    generator: ownShare,
  }
}

async function measureKeeping(context: LoadContext, clients: number): Promise<Sample> {
  const count = Math.max(LEAST_FOR_MEMORY, Math.round(clients * context.effort.scale))
  await warmUp(context)
  const before = await context.memory()
  const opened = await openMany(count, i => open(context, i, 1))
  await sleep(500)
  const after = await context.memory()
  return {
    ...memoryEach(before, after, count, 0),
    resident: residentBytes(context.pid),
    refused: opened.filter(({ socket }) => socket.destroyed).length,
  }
}

export function connectionRow(
  name: string,
  title: string,
  section: Scenario['section'],
  plan: ConnectionPlan,
): Scenario {
  return scenario({
    name,
    title,
    section,
    unit: 'connection',
    openFiles: plan.clients + plan.earlier + WARM_UP,
    maxRepetitions: 2,
    run: context => measureOpening(context, plan),
  })
}

function keepingRow(name: string, title: string, clients: number): Scenario {
  return scenario({
    name,
    title,
    section: 'connections',
    unit: 'connection',
    headline: 'residentEach',
    quick: false,
    openFiles: clients + WARM_UP,
    maxRepetitions: 2,
    timeLimit: 120,
    run: context => measureKeeping(context, clients),
  })
}

export const connectionScenarios: Scenario[] = [
  connectionRow('conn-storm', '10,000 clients at once', 'connections', {
    clients: 10_000,
    earlier: 0,
    perSecond: 'all at once',
    addresses: 1,
  }),
  {
    ...connectionRow('conn-50k', '50,000 clients at 5,000/s, by 4 loopback addresses', 'connections', {
      clients: 50_000,
      earlier: 0,
      perSecond: 5000,
      addresses: 4,
    }),
    maxRepetitions: 1,
    quick: false,
  },
  keepingRow('idle-connections', 'memory of 10,000 idle connections', 10_000),
  {
    ...keepingRow('idle-connections-tls', 'memory of 5,000 idle connections over TLS', 5000),
    setup: { ...plainSetup, transport: 'tls' },
  },
]
