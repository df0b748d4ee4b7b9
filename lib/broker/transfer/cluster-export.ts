/**
 * A cluster as the source of an export: its sessions with their queues, its wills and its retained messages, as those of
 * one store. Claims nothing, so that nodes go on meanwhile. Must not know the target or the engine.
 */
import type { Cluster, StoredClient } from '../../../types/cluster.js'
import type { Message } from '../../../types/message/message.js'
import type { MessageRef, QueuedMessage, ScheduledWill, StoredSession } from '../../../types/persistence.js'
import type { ClusterLink } from '../../cluster/cluster-link.js'
import { LogQueue } from '../../cluster/sessions/log-queue.js'
import { OWN, OwnedSession } from '../../cluster/sessions/owned-session.js'
import { inflightOf, waitingOf } from '../../cluster/sessions/session-queue.js'
import { guestLink } from './guest-link.js'

const UNLIMITED = { maxMessages: Infinity, maxBytes: Infinity, overflow: 'drop-newest' } as const

/**
 * Joins a cluster to export what it has: `exportStore(source)` with `anax/transfer`, into a file, the store of one
 * broker, or another cluster. To be closed afterwards. Nodes may run meanwhile: no client is disconnected, and each
 * session is as it would be after a crash of its node at that moment.
 * @param cluster its engine, with the options that the nodes use
 * @throws AnaxError ANAX_ERR_CLUSTER if there is no such cluster
 */
export async function openClusterExport(cluster: Cluster): Promise<ClusterExport> {
  const source = new ClusterExport(cluster)
  await source.open()
  return source
}

/** The part of a store that an export reads; its methods are those of `SessionPersistence`. */
export class ClusterExport implements AsyncDisposable {
  readonly sessionPersistence = 1
  readonly #link: ClusterLink
  readonly #queue: LogQueue
  /** The session that was read last. */
  #current: OwnedSession | undefined

  /** Internal: use {@link openClusterExport}. */
  constructor(cluster: Cluster) {
    this.#link = guestLink({ cluster, purpose: 'export', failed() {}, letGo: async () => {} })
    this.#queue = new LogQueue({
      link: this.#link,
      // no client is served here
      brought: { since: () => undefined, arrived: () => 0 },
      limitsOf: () => UNLIMITED,
      dropped() {},
      write: async () => {},
    })
  }

  /** Internal: {@link openClusterExport} does it. */
  open(): Promise<void> {
    return this.#link.open()
  }

  /** One session after the other; {@link queued} reads the queue of the last one. */
  async *sessions(): AsyncGenerator<StoredSession> {
    for await (const stored of this.#link.node.stored()) {
      const owned = this.#ownedOf(stored)
      const session = owned.toStored()
      if (session === undefined) continue
      this.#current = owned
      yield session
    }
  }

  async *queued(clientId: string): AsyncGenerator<QueuedMessage> {
    const owned = this.#current
    if (owned?.claim.clientId !== clientId) return
    for await (const queued of inflightOf(owned, this.#link.node)) yield named(clientId, queued)
    for await (const queued of waitingOf(owned, this.#queue)) yield named(clientId, queued)
  }

  async *wills(): AsyncGenerator<ScheduledWill> {
    for await (const stored of this.#link.node.stored()) {
      const { will, claim } = this.#ownedOf(stored)
      if (will !== undefined) yield { clientId: claim.clientId, will: will.will, dueAt: will.dueAt }
    }
  }

  async *retained(filters: readonly string[]): AsyncGenerator<Message> {
    yield* this.#link.node.retained(filters)
  }

  /** Leaves the cluster. */
  close(): Promise<void> {
    return this.#link.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #ownedOf({ clientId, records, isInUse }: StoredClient): OwnedSession {
    const owned = new OwnedSession({ clientId, token: 0 }, this.#link.node.shards, records)
    // the stored times are those of an earlier connection
    if (isInUse) owned.useEnded(undefined)
    return owned
  }
}

/** Messages that are stored in sessions are numbered by session: together they need different names. */
function named(clientId: string, queued: QueuedMessage): QueuedMessage {
  if (queued.ref.brokerId !== OWN) return queued
  const ref: MessageRef = { brokerId: `${OWN}:${clientId}`, brokerCounter: queued.ref.brokerCounter }
  return { ...queued, ref, message: queued.message && { ...queued.message, ...ref } }
}
