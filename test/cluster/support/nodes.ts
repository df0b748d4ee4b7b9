/** Brokers that form a cluster, each with its own port, and MQTT.js clients that connect to them. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { createBroker } from '../../../lib/index.js'
import type { Broker } from '../../../types/broker/broker.js'
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { Cluster } from '../../../types/cluster.js'

const received = new WeakMap<MqttClient, string[]>()

/** A broker and its address. */
export class TestNode {
  readonly broker: Broker
  readonly errors: unknown[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #clients: MqttClient[] = []

  private constructor(broker: Broker) {
    this.broker = broker
    broker.on('storeError', error => this.errors.push(error))
    broker.on('hookError', error => this.errors.push(error))
    this.#server = createServer(socket => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      broker.handle(socket)
    })
  }

  static async start(cluster: Cluster, options: BrokerOptions = {}): Promise<TestNode> {
    const node = new TestNode(await createBroker({ cluster, ...options }))
    await once(node.#server.listen(0, '127.0.0.1'), 'listening')
    return node
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  /** Connects a client that does not reconnect by itself. */
  async connect(clientId: string, options: IClientOptions = {}): Promise<MqttClient> {
    const client = connect(this.url, { clientId, protocolVersion: 5, reconnectPeriod: 0, ...options })
    const texts: string[] = []
    received.set(client, texts)
    client.on('message', (_, payload) => texts.push(payload.toString()))
    this.#clients.push(client)
    await new Promise<void>((resolve, reject) => {
      client.on('error', reject)
      client.once('close', () => reject(new Error(`${clientId} was not accepted`)))
      client.once('connect', () => resolve())
    })
    return client
  }

  /** Connects a client with a stored session. */
  connectStored(clientId: string, options: IClientOptions = {}): Promise<MqttClient> {
    return this.connect(clientId, { clean: false, properties: { sessionExpiryInterval: 3600 }, ...options })
  }

  /** Breaks all connections. */
  breakConnections(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.end(true)
    await this.broker.close()
    this.breakConnections()
    this.#server.close()
  }
}

/** Runs a body with several nodes, and stops them in any case. */
export async function withNodes(
  cluster: Cluster,
  count: number,
  body: (...nodes: TestNode[]) => Promise<void>,
  options: BrokerOptions = {},
): Promise<void> {
  const nodes: TestNode[] = []
  try {
    for (let i = 0; i < count; i++) nodes.push(await TestNode.start(cluster, { id: `node${i}`, ...options }))
    await body(...nodes)
  } finally {
    await Promise.all(nodes.map(node => node.stop()))
  }
}

/** What a client has received since it was created, as texts, in order. */
export function receivedBy(client: MqttClient): string[] {
  return received.get(client)!
}

/** What a node drops from now on: client, reason and payload of each message. */
export function dropsOf({ broker }: TestNode): string[] {
  const dropped: string[] = []
  broker.on('drop', ({ clientId, reason, message }) => dropped.push(`${clientId} ${reason} ${message.payload}`))
  return dropped
}

/** Numbers as texts. */
export function numbers(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => String(from + i))
}

const PATIENCE_MS = 15_000

export async function until(isSo: () => boolean, what: string | (() => string)): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`did not come: ${typeof what === 'string' ? what : what()}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** A stored session subscribes and disconnects, and misses `count` messages. */
export async function missed(one: TestNode, count: number): Promise<void> {
  const client = await one.connectStored('away')
  await client.subscribeAsync('t', { qos: 1 })
  await client.endAsync()
  for (const payload of numbers(count)) await one.broker.publish({ topic: 't', payload, qos: 1 })
}
