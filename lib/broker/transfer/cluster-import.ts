/**
 * A cluster as the target of an import of one broker's store. Owns each session while its records arrive. Must not know
 * the source or the engine.
 */
import type { Cluster } from '../../../types/cluster.js'
import type { Message } from '../../../types/message/message.js'
import type {
  MessageRef,
  QueueDelivery,
  SentCopy,
  SessionChange,
  StoreClient,
  StoredSubscription,
  StoredWill,
} from '../../../types/persistence.js'
import type { ClusterLink } from '../../cluster/cluster-link.js'
import { ClusterStore } from '../../cluster/cluster-store.js'
import { NEVER_EXPIRES } from '../../model/session-expiry.js'
import { guestLink } from './guest-link.js'

const NEVER = new AbortController()
const UNLIMITED = { maxMessages: Infinity, maxBytes: Infinity, overflow: 'drop-newest' } as const

/**
 * Joins a cluster to import what another store has: `importStore(target, exportStore(store))` with `anax/transfer`. To
 * be closed afterwards. Sessions and wills that the cluster has already are replaced, and their clients disconnected.
 * @param cluster its engine, with the options that the nodes use
 * @throws AnaxError ANAX_ERR_CLUSTER
 */
export async function openClusterImport(cluster: Cluster): Promise<ClusterImport> {
  const target = new ClusterImport(cluster)
  await target.open()
  return target
}

/** The part of a store that an import writes to; its methods are those of `SessionPersistence`. */
export class ClusterImport implements AsyncDisposable {
  readonly #link: ClusterLink
  readonly #store: ClusterStore
  /** Of a failure in the background, which no operation rejects with. */
  #failure: unknown
  /** The client whose session is being imported. */
  #current: string | undefined
  /** What is being written of it. */
  #writes: Promise<unknown>[] = []
  /** Resolves when the session before it is released. */
  #ended: Promise<void> = Promise.resolve()

  /** Internal: use {@link openClusterImport}. */
  constructor(cluster: Cluster) {
    const failed = (error: unknown) => {
      this.#failure ??= error
    }
    this.#link = guestLink({ cluster, purpose: 'import', failed, letGo: clientId => this.#store.release(clientId) })
    this.#store = new ClusterStore({
      link: this.#link,
      failed,
      // no client is served here
      brought: { since: () => undefined, arrived: () => 0 },
      limitsOf: () => UNLIMITED,
      dropped() {},
      now: Date.now,
    })
  }

  /** Internal: {@link openClusterImport} does it. */
  open(): Promise<void> {
    return this.#link.open()
  }

  /** Begins a session: the operations that follow are about it. */
  async deleteSession(clientId: string): Promise<void> {
    await this.#endSession()
    await this.#store.claim(clientId, NEVER)
    this.#current = clientId
    await this.#store.deleteSession(clientId)
  }

  /** One without an end was in use when its broker ended: it lasts as long as it would from now on. */
  saveSession(session: SessionChange): Promise<void> {
    const { expiryInterval, expiresAt } = session
    const end = expiryInterval === NEVER_EXPIRES ? undefined : Date.now() + expiryInterval * 1000
    return this.#write(Promise.resolve(this.#store.saveSession({ ...session, expiresAt: expiresAt ?? end })))
  }

  addSubscriptions(client: StoreClient, subscriptions: StoredSubscription[]): Promise<void> {
    return this.#write(this.#store.addSubscriptions(client, subscriptions))
  }

  addIncoming(clientId: string, packetId: number): Promise<void> {
    return this.#write(this.#store.addIncoming(clientId, packetId))
  }

  async enqueue(message: Message, deliveries: readonly QueueDelivery[]): Promise<undefined> {
    await this.#write(Promise.all(deliveries.map(delivery => this.#store.append(message, delivery))))
  }

  markSent(clientId: string, ref: MessageRef, packetId: number, copy: SentCopy): Promise<void> {
    return this.#write(Promise.resolve(this.#store.markSent(clientId, ref, packetId, copy)))
  }

  markReleased(clientId: string, ref: MessageRef, packetId: number): Promise<void> {
    return this.#write(this.#store.markReleased(clientId, ref, packetId))
  }

  /** Wills come after the sessions. One without a time was that of a connected client, and is due after its delay. */
  async saveWill(clientId: string, will: StoredWill, dueAt: number | undefined): Promise<void> {
    await this.#endSession()
    await this.#store.claim(clientId, NEVER)
    const delay = will.properties?.willDelayInterval ?? 0
    await this.#store.saveWill(clientId, will, dueAt ?? Date.now() + delay * 1000)
    await this.#store.release(clientId)
  }

  async storeRetained(message: Message): Promise<void> {
    await this.#store.writeMessage({ message })
  }

  /**
   * Leaves the cluster, with all that was imported.
   * @throws AnaxError ANAX_ERR_FENCED, ANAX_ERR_CLUSTER where something failed, so that the import is not whole
   */
  async close(): Promise<void> {
    await this.#endSession().catch(error => {
      this.#failure ??= error
    })
    await this.#link.close()
    if (this.#failure !== undefined) throw this.#failure
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #write<Result>(operation: Promise<Result>): Promise<Result> {
    this.#writes.push(operation)
    return operation
  }

  /** Gives the session back once it is whole. */
  #endSession(): Promise<void> {
    const clientId = this.#current
    this.#current = undefined
    const writes = this.#writes.splice(0)
    if (clientId !== undefined) this.#ended = Promise.all(writes).then(() => this.#store.release(clientId))
    return this.#ended
  }
}
