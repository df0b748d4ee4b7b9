/**
 * One crash test: clients at work while the broker and they themselves are killed again and again.
 * Owns the order of events and what is reported of them.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { LmdbDurability } from '../../lib/persistence/lmdb/lmdb.js'
import { folderOfOurs } from '../support/programs/left-behind.js'
import { freePort } from './brokers/free-port.js'
import { Cast } from './cast.js'
import { findRetainedFaults, findSubscriptionFaults, promisedRetained } from './judge/inspector.js'
import { countLostSessions, judgeMessages, sum, tellMissing, type Verdict } from './judge/verdict.js'
import { countWills, tellWills } from './judge/wills-verdict.js'
import { killBroker, killClients } from './processes/killers.js'
import { countBetween, Victim } from './processes/victim.js'
import { Random } from './random.js'

export interface CrashOptions {
  broker: 'anax' | 'aedes'
  /** Of the store of Anax. */
  durability: LmdbDurability
  seed: number
  /** How often the broker is killed. */
  kills: number
}

export interface CrashReport extends Verdict {
  /** How often the broker was killed. */
  kills: number
  /** How often publishers and subscribers were killed. */
  clientKills: number
  seconds: number
  /** About faults, in words. */
  details: string[]
}

export async function runCrashTest(options: CrashOptions): Promise<CrashReport> {
  const folder = folderOfOurs('anax-crash-')
  const run = new Run(options, folder, await freePort())
  try {
    return await run.play()
  } finally {
    await run.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

class Run {
  readonly #options: CrashOptions
  readonly #port: number
  readonly #broker: Victim
  readonly #cast: Cast
  readonly #retainedFaults: string[] = []

  constructor(options: CrashOptions, folder: string, port: number) {
    const { broker, durability, seed } = options
    this.#options = options
    this.#port = port
    this.#broker = new Victim(`brokers/${broker}`, [`${port}`, join(folder, 'store'), durability])
    const newestVersion = broker === 'anax' ? 5 : 4
    const countDeaths = (from: number, to: number) => countBetween(this.#broker.killedAt, from, to)
    this.#cast = new Cast({ port, folder, seed, newestVersion, countDeaths })
  }

  async play(): Promise<CrashReport> {
    const began = performance.now()
    await this.#broker.start()
    if (this.#broker.accidents > 0) throw new Error('the broker does not start')
    await this.#cast.start()
    await this.#rage()
    await this.#cast.calmDown()
    await this.#checkRetained()
    const subscriptionFaults = await findSubscriptionFaults(this.#port, this.#cast.churner)
    return this.#report(Math.round((performance.now() - began) / 1000), subscriptionFaults)
  }

  async stop(): Promise<void> {
    await this.#cast.stop()
    await this.#broker.kill()
  }

  async #rage(): Promise<void> {
    const { seed, kills } = this.#options
    let isOver = false
    const ofClients = killClients(this.#cast.victims, new Random(seed, 'clients'), () => isOver)
    try {
      await killBroker(this.#broker, new Random(seed, 'broker'), kills, () => this.#checkRetained())
    } finally {
      isOver = true
      await ofClients
    }
  }

  async #checkRetained(): Promise<void> {
    this.#cast.read()
    const faults = await findRetainedFaults(this.#port, promisedRetained(this.#cast.outboxes))
    this.#retainedFaults.push(...faults)
  }

  #report(seconds: number, subscriptionFaults: readonly string[]): CrashReport {
    const { outboxes, inboxes, witness, wills, churner, victims } = this.#cast
    return {
      ...judgeMessages(outboxes, inboxes),
      ...countWills(wills),
      sessionsLost: countLostSessions([...outboxes, ...inboxes, witness, churner]),
      retainedWrong: this.#retainedFaults.length,
      subscriptionsWrong: subscriptionFaults.length,
      accidents: sum([this.#broker, ...victims].map(({ accidents }) => accidents)),
      kills: this.#broker.kills,
      clientKills: sum(victims.map(({ kills }) => kills)),
      seconds,
      details: [...tellMissing(outboxes, inboxes), ...tellWills(wills), ...this.#retainedFaults, ...subscriptionFaults],
    }
  }
}
