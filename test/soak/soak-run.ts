/**
 * A broker under {@link Churn}, in cycles: at the end of each, all clients are disconnected and everything is deleted,
 * and nothing may be left. Owns the broker and its listener.
 */
import { rmSync } from 'node:fs'
import { type Broker, createBroker, createMemoryPersistence } from '../../lib/index.js'
import { createLmdbPersistence } from '../../lib/persistence/lmdb/lmdb.js'
import { createServer, type Server } from '../../lib/server/server.js'
import { WatchedClock } from '../../lib/testing/leaks.js'
import { Random } from '../crash/random.js'
import { temporaryFolder } from '../support/tls/certificate.js'
import { Churn } from './churn.js'
import { type Leavings, leavingsOf } from './leavings.js'

export type StoreKind = 'memory' | 'lmdb'

const CLOCK = {
  now: Date.now,
  monotonic: () => performance.now(),
  setTimeout: (callback: () => void, delayMs: number) => setTimeout(callback, delayMs).unref(),
  clearTimeout: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout | undefined),
}

/** Time limit for closing sockets and emptying queues; what remains afterwards is a leak. */
const LINGER_MS = 5000

/** Steps that run at the same time. */
const AT_ONCE = 8

export class SoakRun {
  readonly churn: Churn
  /** Events that report a failure. */
  readonly failures: string[] = []
  readonly #broker: Broker
  readonly #server: Server
  readonly #clock: WatchedClock
  readonly #folder: string | undefined

  private constructor(broker: Broker, server: Server, clock: WatchedClock, folder: string | undefined, seed: number) {
    this.#broker = broker
    this.#server = server
    this.#clock = clock
    this.#folder = folder
    this.churn = new Churn(server.addresses[0]!.url, new Random(seed, 'soak'))
    broker.on('storeError', ({ message }) => this.failures.push(`storeError: ${message}`))
    broker.on('hookError', ({ message }) => this.failures.push(`hookError: ${message}`))
  }

  static async start(store: StoreKind, seed: number): Promise<SoakRun> {
    const clock = new WatchedClock(CLOCK)
    const folder = store === 'lmdb' ? temporaryFolder().path : undefined
    const now = () => clock.now()
    const persistence =
      folder === undefined ? createMemoryPersistence({ now }) : createLmdbPersistence({ path: folder })
    const broker = await createBroker({
      clock,
      persistence,
      maxQueuedMessages: 100,
      maxBurstMessages: 1000,
      rates: { address: { messagesPerSecond: 1_000_000 } },
    })
    const server = await createServer(broker, { transport: 'tcp', port: 0 })
    return new SoakRun(broker, server, clock, folder, seed)
  }

  /**
   * @param goesOn called before each step.
   * @returns what is left after everything is deleted
   */
  async cycle(goesOn: () => boolean): Promise<Leavings> {
    const work = async () => {
      while (goesOn()) await this.churn.step()
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    await this.churn.end()
    await this.#clear()
    return leavingsOf(this.#broker, this.#clock, this.#folder)
  }

  /** The outcome of messages that did not arrive. */
  get drops(): Readonly<Record<string, number>> {
    return this.#broker.drops
  }

  async end(): Promise<void> {
    await this.#server.close()
    await this.#broker.close()
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
  }

  async #clear(): Promise<void> {
    // the sessions of the last clients are still being released
    await settled(() => this.#broker.stats().connections.open === 0 && openSockets() === 0)
    for (const clientId of this.churn.used) await this.#broker.deleteSession(clientId)
    this.churn.used.clear()
    await this.#broker.deleteRetained('#')
    // long queues of ended sessions are emptied in steps
    await settled(() => (this.#broker.stats().queued.messages ?? 0) === 0)
  }
}

async function settled(isOver: () => boolean): Promise<void> {
  for (let waited = 0; !isOver() && waited < LINGER_MS; waited += 10) {
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length
}
