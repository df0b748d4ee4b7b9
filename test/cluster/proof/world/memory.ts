/** Three nodes in this process, on an engine in memory: for the short forms. A node that is killed is cut off for good. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createBroker } from '../../../../lib/index.js'
import { MemoryCluster } from '../../../../lib/testing/cluster.js'
import type { Broker } from '../../../../types/broker/broker.js'
import type { BrokerOptions } from '../../../../types/broker/options.js'
import type { ClusterNode } from '../../../../types/cluster.js'
import type { NodeEvent, World } from './world.js'

const EVENTS = ['sessionEnded', 'leaseLost', 'drop', 'sessionTakenOver'] as const

export class MemoryWorld implements World {
  readonly cluster = new MemoryCluster()
  readonly leaseMs: number
  readonly events: NodeEvent[] = []
  readonly ports: number[] = []
  readonly brokers: Broker[] = []
  readonly #options: BrokerOptions
  readonly #servers: Server[] = []
  readonly #sockets = new Set<{ node: number; socket: Socket }>()
  readonly #gone: Broker[] = []
  #names = 0

  private constructor(leaseMs: number, options: BrokerOptions) {
    this.leaseMs = leaseMs
    this.#options = options
  }

  static async start(leaseMs = 500, options: BrokerOptions = {}): Promise<MemoryWorld> {
    const world = new MemoryWorld(leaseMs, options)
    for (let node = 0; node < 3; node++) {
      await world.#startBroker(node)
      await world.#listen(node)
    }
    return world
  }

  async kill(node: number): Promise<void> {
    const broker = this.brokers[node]!
    this.cluster.cut(this.#engineNode(broker))
    for (const { node: of, socket } of this.#sockets) if (of === node) socket.destroy()
    this.#gone.push(broker)
  }

  /** With another id: the previous node ends when its lease does. */
  async restart(node: number): Promise<void> {
    await this.#startBroker(node)
  }

  claims(node: number): Promise<number> {
    return Promise.resolve(this.brokers[node]!.cluster?.claims ?? 0)
  }

  async close(): Promise<void> {
    await Promise.all([...this.brokers, ...this.#gone].map(broker => broker.close()))
    for (const { socket } of this.#sockets) socket.destroy()
    for (const server of this.#servers) server.close()
  }

  #engineNode(broker: Broker): ClusterNode {
    return this.cluster.nodes.get(broker.id)!
  }

  async #startBroker(node: number): Promise<void> {
    const { cluster, leaseMs } = this
    const broker = await createBroker({ id: `node${++this.#names}`, cluster, leaseMs, ...this.#options })
    for (const name of EVENTS) {
      broker.on(
        name as 'drop',
        ((...args: unknown[]) => {
          this.events.push({ node, name, args: args.map(textOf), at: performance.now() })
        }) as never,
      )
    }
    this.brokers[node] = broker
  }

  async #listen(node: number): Promise<void> {
    const server = createServer({ noDelay: true }, socket => {
      const entry = { node, socket }
      this.#sockets.add(entry)
      socket.once('close', () => this.#sockets.delete(entry))
      this.brokers[node]!.handle(socket)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    this.#servers[node] = server
    this.ports[node] = (server.address() as { port: number }).port
  }
}

/** An argument of an event, as short text. */
export function textOf(argument: unknown): string {
  if (argument instanceof Error) return argument.message
  return typeof argument === 'object' && argument !== null
    ? Object.values(argument)
        .filter(value => typeof value !== 'object')
        .join(' ')
    : String(argument)
}
