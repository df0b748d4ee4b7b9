/**
 * The crash test of a cluster: nodes, servers of the engine and clients are killed again and again. Owns who is killed,
 * and the report.
 */
import { rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { freePorts } from '../support/programs/free-ports.js'
import { folderOfOurs } from '../support/programs/left-behind.js'
import { NatsServers } from '../support/programs/nats.js'
import { Balancer } from './brokers/balancer.js'
import { sum } from './checks/findings.js'
import { findRetainedFaults, findSubscriptionFaults, promisedRetained } from './checks/inspector.js'
import { Participants } from './participants.js'
import { countBetween, KillableProcess } from './processes/killable-process.js'
import { killClients } from './processes/killers.js'
import { Random } from './random.js'
import { type CrashReport, reportOf } from './report.js'

export interface ClusterCrashOptions {
  seed: number
  /** The number of kills of nodes and servers. */
  kills: number
  /** Servers of the engine; of three, one at a time is killed. */
  servers: 1 | 3
  nodes: number
  /**
   * The longest time between two kills of clients, each of which starts a process.
   * @default a second
   */
  clientPeaceMs?: number
}

export interface ClusterCrashReport extends CrashReport {
  /** How often a node lost its lease without being killed: the machine was too busy, or the engine too slow. */
  leasesLost: number
}

/** Longer than the election of a leader. */
const LEASE_MS = 12_000
/** The chance of killing a server instead of a node. */
const SERVER_CHANCE = 0.3
const MAX_LIFE_MS = 1500
const MAX_DEATH_MS = 2000
const MAX_TRIES = 5

export async function runClusterCrashTest(options: ClusterCrashOptions): Promise<ClusterCrashReport> {
  const folder = folderOfOurs('anax-cluster-')
  const servers = await NatsServers.start(options.servers)
  const ports = await freePorts(options.nodes)
  const balancer = await Balancer.to(ports, new Random(options.seed, 'balancer'))
  const nodes = ports.map(
    (port, index) =>
      new KillableProcess('brokers/cluster', [`${port}`, `node${index}`, servers.urls.join(), `${LEASE_MS}`]),
  )
  const run = new ClusterRun(options, servers, nodes, balancer, folder)
  try {
    return await run.play()
  } finally {
    await run.stop()
    balancer.close()
    await servers.stop()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

class ClusterRun {
  readonly #options: ClusterCrashOptions
  readonly #servers: NatsServers
  readonly #nodes: readonly KillableProcess[]
  readonly #port: number
  readonly #participants: Participants
  readonly #retainedFaults: string[] = []
  /** The times at which a server was killed, by the monotonic clock. */
  readonly #serverKills: number[] = []

  constructor(
    options: ClusterCrashOptions,
    servers: NatsServers,
    nodes: readonly KillableProcess[],
    balancer: Balancer,
    folder: string,
  ) {
    this.#options = options
    this.#servers = servers
    this.#nodes = nodes
    this.#port = balancer.port
    const { port } = balancer
    this.#participants = new Participants({
      port,
      folder,
      seed: options.seed,
      newestVersion: 5,
      countDeaths: (from, to) => this.#countDeaths(from, to),
    })
  }

  get #kills(): number {
    return this.#serverKills.length + sum(this.#nodes.map(({ kills }) => kills))
  }

  /** For its clients, a node that has lost its lease is dead. */
  get #leasesLost(): number {
    return sum(this.#nodes.map(({ leasesLostAt }) => leasesLostAt.length))
  }

  /** Other nodes may take over before the node notices, which it does within its lease. */
  #countDeaths(from: number, to: number): number {
    const killed = [...this.#serverKills, ...this.#nodes.flatMap(({ killedAt }) => killedAt)]
    const lost = this.#nodes.flatMap(({ leasesLostAt }) => leasesLostAt)
    return countBetween(killed, from, to) + countBetween(lost, from, to + LEASE_MS)
  }

  async play(): Promise<ClusterCrashReport> {
    const began = performance.now()
    await Promise.all(this.#nodes.map(node => node.start()))
    await this.#participants.start()
    await this.#rage()
    await this.#participants.calmDown()
    await this.#checkRetained()
    const subscriptionFaults = await findSubscriptionFaults(this.#port, this.#participants.churner)
    return this.#report(Math.round((performance.now() - began) / 1000), subscriptionFaults)
  }

  async stop(): Promise<void> {
    await this.#participants.stop()
    await Promise.all(this.#nodes.map(node => node.kill()))
  }

  async #rage(): Promise<void> {
    const { seed, kills, clientPeaceMs } = this.#options
    const random = new Random(seed, 'cluster')
    let isOver = false
    const ofClients = killClients(
      this.#participants.processes,
      new Random(seed, 'clients'),
      () => isOver,
      clientPeaceMs,
    )
    for (let left = kills; left > 0; left--) {
      await delay(random.between(0, MAX_LIFE_MS))
      if (random.chance(SERVER_CHANCE)) await this.#killServer(random)
      else await this.#killNode(random)
    }
    isOver = true
    await ofClients
  }

  async #killNode(random: Random): Promise<void> {
    const node = this.#nodes[random.between(0, this.#nodes.length - 1)]!
    await node.kill()
    await delay(random.between(0, MAX_DEATH_MS))
    await node.start()
  }

  async #killServer(random: Random): Promise<void> {
    const index = random.between(0, this.#options.servers - 1)
    this.#serverKills.push(performance.now())
    this.#servers.kill(index)
    await delay(random.between(0, MAX_DEATH_MS))
    await this.#servers.restart(index)
    await this.#checkRetained()
  }

  /** Servers that have lost their leader need some seconds to elect another; only lasting faults count. */
  async #checkRetained(): Promise<void> {
    this.#participants.read()
    const promised = promisedRetained(this.#participants.publisherStates)
    let faults: string[] = []
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      faults = await findRetainedFaults(this.#port, promised)
      if (faults.length === 0) return
    }
    this.#retainedFaults.push(...faults)
  }

  #report(seconds: number, subscriptions: readonly string[]): ClusterCrashReport {
    const faults = { retained: this.#retainedFaults, subscriptions }
    const report = reportOf(this.#participants, this.#nodes, faults)
    return { ...report, kills: this.#kills, leasesLost: this.#leasesLost, seconds }
  }
}
