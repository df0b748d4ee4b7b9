/** A million subscriptions: the time and memory of each, and how all of them slow down other messages. */
import { Client, openMany } from '../../load/clients/client.js'
import { inHalves } from '../../load/halves.js'
import { pairs, Traffic } from '../../load/traffic.js'
import { residentBytes } from '../../measure.js'
import { type LoadContext, type Sample, type Scenario, scenario } from '../../types.js'
import { memoryEach, scaled } from './held.js'

const HOLDERS = 100
const FEW = 1000
/** Filters in one SUBSCRIBE. */
const PACKET = 10

/** One filter in ten has a wildcard. */
function filter(holder: number, index: number): string {
  return index % 10 === 0 ? `site/${holder}/+/device/${index}/state` : `site/${holder}/hall/device/${index}/state`
}

/** Clients that subscribe at the same time, each to its share. */
export class Holders {
  readonly #clients: Client[]
  #each = 0

  private constructor(clients: Client[]) {
    this.#clients = clients
  }

  static async open(context: LoadContext): Promise<Holders> {
    const open = (i: number) => Client.open(context, { clientId: `holder-${i}`, version: 4, session: 'clean' })
    return new Holders(await openMany(HOLDERS, open))
  }

  /** @param count divisible by 100 */
  async subscribeUpTo(count: number): Promise<number> {
    const from = this.#each
    this.#each = count / HOLDERS
    await Promise.all(this.#clients.map((client, holder) => this.#subscribe(client, holder, from)))
    return count
  }

  async #subscribe(client: Client, holder: number, from: number): Promise<void> {
    const end = this.#each
    for (let start = from; start < end; start += PACKET) {
      const count = Math.min(PACKET, end - start)
      await client.subscribe(
        Array.from({ length: count }, (_, i) => filter(holder, start + i)),
        1,
      )
    }
  }
}

async function run(context: LoadContext): Promise<Sample> {
  const count = scaled(context, 1_000_000)
  const traffic = await Traffic.open(context, pairs)
  const holders = await Holders.open(context)
  await holders.subscribeUpTo(FEW)
  const few = await traffic.measure()
  const before = await context.memory()
  const { each, perSecond, linearity } = await inHalves(context.pid, count, async upTo => {
    await holders.subscribeUpTo(FEW + upTo)
    return upTo
  })
  const after = await context.memory()
  const resident = residentBytes(context.pid)
  const many = await traffic.measure()
  return {
    ...memoryEach(before, after, count, 0),
    cpu: each,
    rate: perSecond,
    linearity,
    growth: many.cpu! / few.cpu!,
    resident,
    lost: many.lost!,
    doubled: many.doubled!,
  }
}

export const subscriptionScenarios: Scenario[] = [
  scenario({
    name: 'subscriptions',
    title: '1,000,000 subscriptions held; growth: cost of a message beside them, to that beside 1,000',
    section: 'held',
    unit: 'subscription',
    brokers: ['anax', 'mosquitto', 'aedes'],
    maxRepetitions: 1,
    run,
  }),
]
