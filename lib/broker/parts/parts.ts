/**
 * Creates all parts of one broker. Owns the order: services, store, publishing, sessions, connections. A part knows
 * those before it; what comes later, it reaches through a function that is called once the broker has started.
 */
import type { EventEmitter } from 'node:events'
import type { BrokerEvents } from '../../../types/broker/events.js'
import type { Clock } from '../../../types/clock.js'
import type { Connection } from '../../connection/connection.js'
import type { ConnectionPorts } from '../../connection/connection-ports.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import { Roster } from '../../util/collections/roster.js'
import { collectAllObjects } from '../../util/memory/garbage-collector.js'
import { Draining } from '../draining.js'
import { SystemTopics } from '../inspection/system-topics.js'
import { Lifecycle } from '../lifecycle.js'
import { logEvents } from '../log/event-log.js'
import { OverloadBrake } from '../overload/overload-brake.js'
import { OverloadGate } from '../overload/overload-gate.js'
import { ProcessProbe } from '../overload/process-probe.js'
import { StoreBridge } from '../store-bridge.js'
import { connectionPorts } from './connection-ports.js'
import { PublishingParts } from './publishing.js'
import { Services } from './services.js'
import { SessionParts } from './sessions.js'
import { StorageParts, type StorageSettings } from './storage.js'

/** What the host provides, with defaults. */
export interface Foundations extends StorageSettings {
  /** The broker id in the identity of this run's messages. */
  readonly runId: string
  readonly clock: Clock
}

export interface BrokerParts extends Services, StorageParts, PublishingParts, SessionParts {
  /** What every connection uses of the broker. */
  readonly ports: ConnectionPorts
  /** All connections that are not closed, including those before CONNECT. */
  readonly connections: Roster<Connection>
  readonly draining: Draining
  readonly overloadGate: OverloadGate
  readonly lifecycle: Lifecycle
}

export function createParts(
  emitter: EventEmitter<BrokerEvents>,
  options: ResolvedOptions,
  foundations: Foundations,
): BrokerParts {
  const { runId, clock, mq, cluster } = foundations
  const services = new Services(emitter, options, clock)
  const deadlineSet = () => sessionParts.housekeeping.look()
  const users = () => ({ router: publishing.router, sessions: sessionParts.sessions })
  const storage = new StorageParts(services, foundations, users)
  const publishing: PublishingParts = new PublishingParts(services, storage, { runId, mq, deadlineSet })
  const sessionParts: SessionParts = new SessionParts(services, storage, publishing, deadlineSet)
  const connections = new Roster<Connection>()
  const core = { ...services, ...storage, ...publishing, ...sessionParts, connections }
  const probe = new ProcessProbe({ eventLoop: options.maxEventLoopDelayMs !== Number.POSITIVE_INFINITY })
  const brake = new OverloadBrake({ ...services, state: services.overload, probe, collectGarbage: collectAllObjects })
  const draining = new Draining(core)
  const parts = { ...core, draining, overloadGate: new OverloadGate(core) }
  if (options.logger !== undefined) {
    // the lines of several nodes often end up in one place
    const logger = cluster === undefined ? options.logger : options.logger.child({ brokerId: options.id })
    logEvents(emitter, logger, services.timers)
  }
  const lifecycle = new Lifecycle({
    ...parts,
    brake,
    isAlone: mq === undefined && cluster === undefined,
    storeBridge: new StoreBridge(options.id, services.fairness, emitter, mq),
    systemTopics: options.sysInterval > 0 ? new SystemTopics(parts, options.sysInterval * 1000) : undefined,
  })
  return { ...parts, ports: connectionPorts(parts), lifecycle }
}
