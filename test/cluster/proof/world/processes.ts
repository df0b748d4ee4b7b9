/** Three nodes, each in its own process, on three NATS servers: for the full forms. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ClusterStats } from '../../../../types/cluster.js'
import { freePorts } from '../../../support/programs/free-ports.js'
import { endWithUs } from '../../../support/programs/left-behind.js'
import { NatsServers } from '../../../support/programs/nats.js'
import { type NodeEvent, until, type World } from './world.js'

const SCRIPT = fileURLToPath(new URL('./node-process.js', import.meta.url))

export class ProcessWorld implements World {
  readonly leaseMs: number
  readonly events: NodeEvent[] = []
  readonly ports: number[] = []
  readonly servers: NatsServers
  readonly #children: ChildProcess[] = []

  private constructor(servers: NatsServers, leaseMs: number) {
    this.servers = servers
    this.leaseMs = leaseMs
  }

  static async start(leaseMs = 15_000): Promise<ProcessWorld> {
    const world = new ProcessWorld(await NatsServers.start(3), leaseMs)
    world.ports.push(...(await freePorts(3)))
    await Promise.all([0, 1, 2].map(node => world.restart(node)))
    return world
  }

  async kill(node: number): Promise<void> {
    const child = this.#children[node]!
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }

  pidOf(node: number): number {
    return this.#children[node]!.pid!
  }

  /** Suspends a node, or lets it continue. */
  signal(node: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#children[node]!.kill(signal)
  }

  async restart(node: number): Promise<void> {
    const child = endWithUs(
      fork(SCRIPT, [`${this.ports[node]}`, `node${node}`, this.servers.urls.join(), `${this.leaseMs}`]),
    )
    this.#children[node] = child
    let isReady = false
    child.on('message', ({ name, args }: { name: string; args: string[] }) => {
      if (name === 'ready') isReady = true
      this.events.push({ node, name, args, at: performance.now() })
    })
    await until(() => isReady, `node ${node}`)
  }

  async claims(node: number): Promise<number> {
    return (await this.stats(node))?.claims ?? 0
  }

  /** What a node says of the cluster now. */
  async stats(node: number): Promise<ClusterStats | null> {
    const isAnswer = (event: NodeEvent) => event.node === node && event.name === 'stats'
    const before = this.events.filter(isAnswer).length
    this.#children[node]!.send('stats')
    await until(() => this.events.filter(isAnswer).length > before, 'the stats')
    return JSON.parse(this.events.filter(isAnswer).at(-1)!.args[0]!)
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL')
    await this.servers.stop()
  }
}
