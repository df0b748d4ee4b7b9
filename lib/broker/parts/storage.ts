/** Creates the store of a broker: the one that the host passed, or that of a cluster. Must not know who uses it. */
import type { Bus } from '../../../types/bus.js'
import type { Cluster } from '../../../types/cluster.js'
import type { AedesPersistence, SessionPersistence } from '../../../types/persistence.js'
import type { ClusterParts } from '../../cluster/cluster-parts.js'
import { storeOf } from '../../persistence/aedes/open.js'
import { watchedStore } from '../watched-store.js'
import { type ClusterUsers, clusterOf } from './cluster-host.js'
import type { Services } from './services.js'

export interface StorageSettings {
  readonly persistence: AedesPersistence
  /** The bus of the host, if it passed one. */
  readonly mq: Bus | undefined
  /** Replaces bus and store. */
  readonly cluster: Cluster | undefined
}

export class StorageParts {
  readonly store: SessionPersistence
  /** Undefined if the broker is not a node of a cluster. */
  readonly cluster: ClusterParts | undefined

  /** @param users called once the messages of the cluster can arrive */
  constructor(services: Services, { persistence, mq, cluster: engine }: StorageSettings, users: () => ClusterUsers) {
    const { options, connected, timers, timings } = services
    this.cluster = engine && clusterOf(engine, services, users)
    const more = (clientId: string) => connected.read(clientId)
    const store =
      this.cluster?.store ??
      storeOf(persistence, { timers, hasBusOfHost: mq !== undefined, more }, options.storeTimeoutMs)
    this.store = watchedStore(store, this.cluster?.store ?? persistence, timings)
  }
}
