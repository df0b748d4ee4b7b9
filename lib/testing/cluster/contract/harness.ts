/**
 * Shared by the tests of the cluster contract: nodes that record their events, unused names, and waiting for
 * conditions. Knows no particular engine.
 */
import type {
  Claim,
  ClusterEvents,
  ClusterNode,
  JoinRequest,
  LogEntry,
  MembershipChange,
} from '../../../../types/cluster.js'
import type { Message } from '../../../../types/message/message.js'
import { message as queuedMessage } from '../../persistence/harness.js'

/** An engine under test: a cluster that has no nodes yet. */
export interface TestEngine {
  /** Joins as `Cluster.join` does. */
  join(request: JoinRequest): Promise<ClusterNode>
  /** Disconnects a node from the engine without notifying it: nothing that it sends arrives. */
  cut(node: ClusterNode): void
  /** Lets a node reach the engine again. */
  heal(node: ClusterNode): void
  /** Called after the test, when the nodes have left. */
  close(): void | Promise<void>
}

/** An engine as the suite sees it. */
export interface ClusterSuiteOptions {
  /** The function `test` of `node:test`, or one like it. */
  test: (name: string, body: () => Promise<void>) => unknown
  /** Creates the engine of one test. */
  engine: () => TestEngine | Promise<TestEngine>
  /** Lease of nodes that will be lost, in milliseconds. @default 1000 */
  leaseMs?: number
}

/** A node and its recorded events. */
export interface TestNode {
  readonly node: ClusterNode
  readonly entries: LogEntry[]
  readonly signals: Message[]
  readonly deadlines: Map<string, number>
  readonly orphans: string[]
  readonly changes: MembershipChange[]
  readonly asked: string[]
  /** Writes that were refused because they came too late. */
  refused: number
  /** The node's reaction to a request to release a client. */
  letGo: (clientId: string) => Promise<void>
  /** Handles each message; the shard waits for it. */
  onMessage: (entry: LogEntry) => void | Promise<void>
}

const NEVER = new AbortController()
const PATIENCE_MS = 20_000
const LONG_LEASE_MS = 30_000

/** Runs each test with nodes that leave when it ends. */
export class Harness {
  readonly #options: ClusterSuiteOptions
  readonly leaseMs: number

  constructor(options: ClusterSuiteOptions) {
    this.#options = options
    this.leaseMs = options.leaseMs ?? 1000
  }

  /** A test whose nodes keep their leases, however busy the machine is. */
  test(name: string, body: (nodes: Nodes) => Promise<void>): void {
    this.#define(name, body, LONG_LEASE_MS)
  }

  /** A test that waits for the end of a lease. */
  testOfLease(name: string, body: (nodes: Nodes) => Promise<void>): void {
    this.#define(name, body, this.leaseMs)
  }

  #define(name: string, body: (nodes: Nodes) => Promise<void>, leaseMs: number): void {
    this.#options.test(`cluster: ${name}`, async () => {
      const engine = await this.#options.engine()
      const nodes = new Nodes(engine, leaseMs)
      try {
        await body(nodes)
      } finally {
        await nodes.leave()
        await engine.close()
      }
    })
  }
}

/** The nodes of one test. */
export class Nodes {
  readonly engine: TestEngine
  readonly #leaseMs: number
  readonly #nodes: TestNode[] = []

  constructor(engine: TestEngine, leaseMs: number) {
    this.engine = engine
    this.#leaseMs = leaseMs
  }

  /** @param purpose of a guest */
  async join(name: string = unique('node'), purpose?: JoinRequest['purpose']): Promise<TestNode> {
    const told = {
      entries: [],
      signals: [],
      deadlines: new Map(),
      orphans: [],
      changes: [],
      asked: [],
      refused: 0,
      letGo: () => Promise.resolve(),
      onMessage: () => undefined,
    } as Omit<TestNode, 'node'>
    const node = await this.engine.join({
      node: name,
      leaseMs: this.#leaseMs,
      events: eventsOf(told),
      ...(purpose && { purpose }),
    })
    const joined = Object.assign(told, { node })
    this.#nodes.push(joined)
    return joined
  }

  /** Joins several nodes at once. */
  async many(count: number): Promise<TestNode[]> {
    const nodes: TestNode[] = []
    for (let i = 0; i < count; i++) nodes.push(await this.join())
    await until(() => nodes.every(({ node }) => node.stats().nodes.length >= count))
    return nodes
  }

  async leave(): Promise<void> {
    await Promise.all(this.#nodes.map(({ node }) => node.leave()))
  }
}

function eventsOf(told: Omit<TestNode, 'node'>): ClusterEvents {
  return {
    letGo: clientId => {
      told.asked.push(clientId)
      return told.letGo(clientId)
    },
    message: entry => {
      told.entries.push(entry)
      return told.onMessage(entry)
    },
    signal: message => {
      told.signals.push(message)
    },
    deadline: (clientId, at) => {
      if (at === undefined) told.deadlines.delete(clientId)
      else told.deadlines.set(clientId, at)
    },
    orphan: clientId => {
      told.orphans.push(clientId)
    },
    membership: change => {
      told.changes.push(change)
    },
    refused: writes => {
      told.refused += writes
    },
    clockWrong: () => {},
    failed: () => {},
  }
}

let names = 0
const run = Math.random().toString(36).slice(2, 8)

/** An unused name. */
export function unique(word: string): string {
  return `${word}-${run}-${++names}`
}

/** Claims without giving up. */
export function claim({ node }: TestNode, clientId: string): Promise<Claim> {
  return node.claim(clientId, NEVER)
}

/** A message to publish. */
export function message(topic: string, payload = 'payload', fields: Partial<Message> = {}): Message {
  return queuedMessage({ brokerId: '', brokerCounter: 0, topic, payload: Buffer.from(payload), ...fields })
}

/** The payloads of received messages, in order. */
export function payloads(entries: readonly LogEntry[]): string[] {
  return entries.map(({ message }) => message.payload.toString())
}

/** Waits until a condition is true; fails if it does not become true. */
export async function until(isSo: () => boolean | Promise<boolean>, what = 'what was waited for'): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${what} did not come`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** Waits until everything that was written before has arrived at a node. */
export async function settled(...nodes: readonly TestNode[]): Promise<void> {
  const mark = unique('mark')
  await Promise.all(nodes.map(({ node }) => node.want(mark)))
  // one for each shard, because only the engine knows the shard of a client
  const shards = new Set<number>()
  for (let i = 0; shards.size < nodes[0]!.node.shards; i++) {
    const position = await nodes[0]!.node.write(undefined, {
      message: message(mark, mark, { clientId: `${mark}${i}` }),
    })
    if (position !== undefined) shards.add(position.shard)
  }
  for (const { node, entries } of nodes) {
    const marked = () => new Set(entries.filter(isMark(mark)).map(({ position }) => position.shard)).size
    await until(() => marked() === node.shards, `the mark of ${node.node}`)
    node.unwant(mark)
    const left = entries.filter(entry => !isMark(mark)(entry))
    entries.splice(0, entries.length, ...left)
  }
}

function isMark(mark: string): (entry: LogEntry) => boolean {
  return ({ message: { topic } }) => topic === mark
}

/** All items. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}
