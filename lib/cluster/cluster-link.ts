/**
 * The broker's membership in the cluster: joins, and rejoins after the lease was lost. Owns the current node; must not
 * know sessions, nor what is written.
 */
import type { Cluster, ClusterEvents, ClusterNode, ClusterStats, JoinRequest } from '../../types/cluster.js'
import { AnaxError, wrapError } from '../errors.js'
import { Timer, type Timers } from '../util/scheduling/timers.js'

/** Milliseconds between attempts to rejoin. */
const RETRY_MS = 1000

export interface LinkParts {
  readonly cluster: Cluster
  readonly node: string
  readonly leaseMs: number
  /** If it is not to be a node. */
  readonly purpose?: JoinRequest['purpose']
  readonly timers: Timers
  /** The engine's report, unchanged. */
  readonly events: ClusterEvents
  /** Called when the lease was lost. Resolves when the broker has stopped acting for the node. */
  lost(error: AnaxError): Promise<void>
  /** Called when the broker has rejoined. */
  joined(node: ClusterNode): Promise<void>
}

export class ClusterLink {
  readonly #parts: LinkParts
  #node: ClusterNode | undefined
  #isClosed = false
  /** Called when the broker has rejoined, or has left for good. */
  readonly #waiting = new Set<() => void>()

  constructor(parts: LinkParts) {
    this.#parts = parts
  }

  /** @throws AnaxError ANAX_ERR_CLUSTER while the broker is not a member */
  get node(): ClusterNode {
    if (this.#node !== undefined) return this.#node
    throw new AnaxError('ANAX_ERR_CLUSTER', { detail: 'this node is not part of the cluster at the moment' })
  }

  /** The node, as soon as the broker is a member. Rejects with ANAX_ERR_CLUSTER when the broker has left for good. */
  async member(): Promise<ClusterNode> {
    while (!this.isJoined && !this.#isClosed) await new Promise<void>(resolve => this.#waiting.add(resolve))
    return this.node
  }

  /** Whether this is the current node. */
  has(node: ClusterNode): boolean {
    return this.#node === node
  }

  get isJoined(): boolean {
    return this.#node !== undefined
  }

  /** Whether the broker has left for good. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  get stats(): ClusterStats | undefined {
    return this.#node?.stats()
  }

  /** Whether this node may act; checked before anything is written to a client. */
  get isValid(): boolean {
    return this.#node?.lease.isValid === true
  }

  /** Rejects with ANAX_ERR_CLUSTER, ANAX_ERR_OPTION. */
  async open(): Promise<void> {
    await this.#join()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const node = this.#node
    this.#node = undefined
    this.#wake()
    await node?.leave()
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  async #join(): Promise<void> {
    const { cluster, node: name, leaseMs, events, purpose } = this.#parts
    const request: JoinRequest = { node: name, leaseMs, events, ...(purpose && { purpose }) }
    const node = await cluster.join(request)
    if (this.#isClosed) {
      await node.leave()
      return
    }
    this.#node = node
    const { lost } = node.lease
    const end = () => this.#lost(node).catch(events.failed)
    if (lost.aborted) end()
    else lost.addEventListener('abort', end, { once: true })
  }

  #pause(): Promise<void> {
    return new Promise(resolve => this.#parts.timers.schedule(new Timer(resolve), RETRY_MS))
  }

  async #lost(node: ClusterNode): Promise<void> {
    if (this.#node !== node) return
    this.#node = undefined
    await this.#parts.lost(wrapError('ANAX_ERR_FENCED', node.lease.lost.reason))
    await node.leave()
    while (!this.#isClosed && this.#node === undefined) await this.#tryAgain()
  }

  async #tryAgain(): Promise<void> {
    try {
      await this.#join()
      if (this.#node === undefined) return
      this.#wake()
      await this.#parts.joined(this.#node)
    } catch (error) {
      this.#parts.events.failed(wrapError('ANAX_ERR_CLUSTER', error))
      await this.#pause()
    }
  }
}
