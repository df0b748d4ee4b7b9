/**
 * One crash test: the broker and its clients are killed again and again. Owns the order of the steps.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { LmdbDurability } from '../../lib/persistence/lmdb/lmdb.js'
import { freePort } from '../support/programs/free-ports.js'
import { folderOfOurs } from '../support/programs/left-behind.js'
import { findRetainedFaults, findSubscriptionFaults, promisedRetained } from './checks/inspector.js'
import { Participants } from './participants.js'
import { countBetween, KillableProcess } from './processes/killable-process.js'
import { killBroker, killClients } from './processes/killers.js'
import { Random } from './random.js'
import { type CrashReport, reportOf } from './report.js'

export interface CrashOptions {
  broker: 'anax' | 'aedes'
  /** Durability of the LMDB store. */
  durability: LmdbDurability
  seed: number
  /** The number of kills of the broker. */
  kills: number
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
  readonly #broker: KillableProcess
  readonly #participants: Participants
  readonly #retainedFaults: string[] = []

  constructor(options: CrashOptions, folder: string, port: number) {
    const { broker, durability, seed } = options
    this.#options = options
    this.#port = port
    this.#broker = new KillableProcess(`brokers/${broker}`, [`${port}`, join(folder, 'store'), durability])
    const newestVersion = broker === 'anax' ? 5 : 4
    const countDeaths = (from: number, to: number) => countBetween(this.#broker.killedAt, from, to)
    this.#participants = new Participants({ port, folder, seed, newestVersion, countDeaths })
  }

  async play(): Promise<CrashReport> {
    const began = performance.now()
    await this.#broker.start()
    if (this.#broker.crashes > 0) throw new Error('the broker does not start')
    await this.#participants.start()
    await this.#rage()
    await this.#participants.calmDown()
    await this.#checkRetained()
    const subscriptionFaults = await findSubscriptionFaults(this.#port, this.#participants.churner)
    return this.#report(Math.round((performance.now() - began) / 1000), subscriptionFaults)
  }

  async stop(): Promise<void> {
    await this.#participants.stop()
    await this.#broker.kill()
  }

  async #rage(): Promise<void> {
    const { seed, kills } = this.#options
    let isOver = false
    const ofClients = killClients(this.#participants.processes, new Random(seed, 'clients'), () => isOver)
    try {
      await killBroker(this.#broker, new Random(seed, 'broker'), kills, () => this.#checkRetained())
    } finally {
      isOver = true
      await ofClients
    }
  }

  async #checkRetained(): Promise<void> {
    this.#participants.read()
    const faults = await findRetainedFaults(this.#port, promisedRetained(this.#participants.publisherStates))
    this.#retainedFaults.push(...faults)
  }

  #report(seconds: number, subscriptions: readonly string[]): CrashReport {
    const faults = { retained: this.#retainedFaults, subscriptions }
    return { ...reportOf(this.#participants, [this.#broker], faults), kills: this.#broker.kills, seconds }
  }
}
