/** Creates the parts of one broker and connects them. Owns which part knows which. */
import type { EventEmitter } from 'node:events'
import type { BrokerEvents } from '../../types/broker/events.js'
import type { Bus } from '../../types/bus.js'
import type { Clock } from '../../types/clock.js'
import type { Cluster, ClusterStats } from '../../types/cluster.js'
import type { AedesPersistence, SessionPersistence } from '../../types/persistence.js'
import type { ClusterParts } from '../cluster/cluster-parts.js'
import type { Connection } from '../connection/connection.js'
import type { ConnectionPorts } from '../connection/connection-ports.js'
import { Flusher } from '../connection/stream/flusher.js'
import { IncompletePackets } from '../connection/stream/incomplete-packets.js'
import { AnaxError, isQuotaError, wrapError } from '../errors.js'
import { Congestion } from '../model/metering/congestion.js'
import { Load } from '../model/metering/load.js'
import { OverloadState } from '../model/metering/overload.js'
import { SubscriptionLoad } from '../model/metering/subscription-bytes.js'
import { Timings } from '../model/metering/timings.js'
import { Traffic } from '../model/metering/traffic.js'
import { RetainedDeliveries } from '../model/retained-deliveries.js'
import { storeOf } from '../persistence/aedes/open.js'
import type { EventSink } from '../ports/event-sink.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'
import { HostBus } from '../routing/bus/host-bus/host-bus.js'
import type { Interests } from '../routing/bus/interests.js'
import { LocalBus } from '../routing/bus/local-bus.js'
import { LocalEmitter } from '../routing/bus/local-emitter.js'
import type { MessageBus } from '../routing/bus/message-bus.js'
import { Router } from '../routing/router.js'
import { extendedLimits } from '../session/outgoing/pressure.js'
import { Roster } from '../util/collections/roster.js'
import { Fairness } from '../util/scheduling/fairness.js'
import { Timers } from '../util/scheduling/timers.js'
import { BrokerAdmission } from './admission/admission.js'
import { clusterOf } from './cluster-host.js'
import { Draining } from './draining.js'
import { HookAuthorizer } from './hooks/authorizer.js'
import { EventCounts } from './hooks/event-counts.js'
import { BrokerEventSink } from './hooks/events.js'
import { responseInformation } from './hooks/response-information.js'
import { SystemTopics } from './inspection/system-topics.js'
import { Lifecycle } from './lifecycle.js'
import { logEvents } from './log/event-log.js'
import { OverloadBrake } from './overload/overload-brake.js'
import { ProcessProbe } from './overload/process-probe.js'
import { BackPressure } from './publish/back-pressure.js'
import { DropCounts } from './publish/drop-counts.js'
import { OwnMessages } from './publish/own-messages.js'
import { Publisher } from './publish/publisher.js'
import { QueueLimitRules } from './publish/queue-limits.js'
import { QueueWriter } from './publish/queue-writer.js'
import { Retention } from './publish/retention.js'
import { FailedWrites } from './sessions/failed-writes.js'
import { Housekeeping } from './sessions/housekeeping.js'
import { SessionLimits } from './sessions/session-limits.js'
import { SessionRegistry } from './sessions/session-registry.js'
import { WillLimits } from './sessions/will-limits.js'
import { Wills } from './sessions/wills.js'
import { StoreBridge } from './store-bridge.js'
import { watchedStore } from './watched-store.js'

/** The parts that the host provides. */
export interface Foundations {
  /** The broker id in the identity of this run's messages; see {@link Publisher}. */
  runId: string
  clock: Clock
  /** The bus of the host, if it passed one. */
  mq: Bus | undefined
  persistence: AedesPersistence
  /** Replaces bus and store. */
  cluster: Cluster | undefined
}

/**
 * The least number of streams that may be open beyond `maxConnections`. They make it possible to refuse a client in
 * CONNACK, and a client that takes over its own session needs a second stream for a moment.
 */
const SPARE_STREAMS = 16

export class BrokerParts {
  readonly options: ResolvedOptions
  readonly drops: DropCounts
  readonly counts: EventCounts
  readonly events: EventSink
  readonly timers: Timers
  readonly authorizer: HookAuthorizer
  readonly store: SessionPersistence
  readonly bus: MessageBus
  readonly interests: Interests
  readonly router: Router
  readonly own: OwnMessages
  readonly backPressure: BackPressure
  readonly sessions: SessionRegistry
  readonly willLimits: WillLimits
  readonly ports: ConnectionPorts
  /** All connections that are not closed, including those before CONNECT. */
  readonly connections = new Roster<Connection>()
  readonly draining = new Draining(this)
  readonly lifecycle: Lifecycle
  readonly #cluster: ClusterParts | undefined

  constructor(emitter: EventEmitter<BrokerEvents>, options: ResolvedOptions, foundations: Foundations) {
    const { clock, mq, persistence, runId, cluster: engine } = foundations
    const now = () => clock.now()
    const drops = new DropCounts(clientId => sessions.ownerOf(clientId))
    const counts = new EventCounts()
    const events = new BrokerEventSink(emitter, drops, counts)
    const fairness = new Fairness()
    const timers = new Timers(clock, fairness)
    const congestion = new Congestion()
    const parts = { timers, hasBusOfHost: mq !== undefined, more: (clientId: string) => sessions.read(clientId) }
    const timings = new Timings()
    const authorizer = new HookAuthorizer(events, { timers, timeoutMs: options.hookTimeoutMs, timings }, options)
    const common = { options, authorizer, events, timers, congestion }
    const cluster = engine && clusterOf(engine, common, () => ({ router, sessions, limits }))
    const unwatched = cluster?.store ?? storeOf(persistence, parts, options.storeTimeoutMs)
    const store = watchedStore(unwatched, cluster?.store ?? persistence, timings)
    const limits = new QueueLimitRules(options, events)
    const deadlineSet = () => housekeeping.look()
    const pressureOf = (clientId: string) => sessions.ownerOf(clientId)?.session?.pressure
    const limitsOf = (clientId: string) => {
      const own = limits.of(clientId)
      const session = sessions.ownerOf(clientId)?.session
      if (session === undefined || !session.isAttached) return own
      if (session.pressure !== undefined) return session.pressure.extend(own)
      // nothing has had to wait: what is in the queue is in flight, or was not handed to the client yet
      return (session.load + queues.underWay) * 2 < own.maxMessages ? own : extendedLimits(own, options)
    }
    const policy = { limitsOf, maxTotalBytes: options.maxTotalQueuedBytes }
    const bus: MessageBus =
      mq === undefined
        ? new LocalBus(new LocalEmitter(options.concurrency), message => router.route(message))
        : new HostBus({
            mq,
            timers,
            timings,
            policy,
            brokerId: runId,
            router: () => router,
            queues: () => queues,
            number: message => publisher.number(message),
            failed: error => events.emit('storeError', error),
            dropped: message => {
              for (const clientId of new Set(router.clientsOf(message.topic))) {
                events.emit('drop', { clientId, message, reason: 'store-full' })
              }
            },
          })
    const interests = cluster?.interests ?? bus
    const router: Router = new Router(interests, {
      fairness,
      hasForeignGroups: cluster !== undefined,
      sharedStrategy: options.sharedStrategy,
      number: message => publisher.number(message),
      enqueue: async (message, delivery) => {
        try {
          await publisher.enqueue(message, delivery)
          sessions.read(delivery.clientId)
        } catch (error) {
          // The publisher has its acknowledgement already, so the host is notified.
          const isFull = isQuotaError(error)
          if (!isFull) events.emit('storeError', wrapError('ANAX_ERR_STORE', error))
          const { clientId } = delivery
          events.emit('drop', { clientId, message, reason: isFull ? 'queue-full' : 'store-failed' })
        }
      },
      undeliverable: (message, clientId) => events.emit('drop', { clientId, message, reason: 'session-ended' }),
    })
    const queues = new QueueWriter({
      id: runId,
      store,
      router,
      events,
      fairness,
      deadlineSet,
      isConnected: clientId => sessions.isConnected(clientId),
    })
    const backPressure = new BackPressure({ congestion, pressureOf, clientsOf: (...args) => router.clientsOf(...args) })
    const publisher: Publisher = new Publisher({
      runId,
      options,
      authorizer,
      events,
      store,
      retention: new Retention(store, options, now),
      queues,
      backPressure,
      rules: { among: 'all', policy },
      bus,
      fairness,
      now,
      deadlineSet,
    })
    const failedWrites = new FailedWrites(deadlineSet)
    const sink = cluster?.sink ?? publisher
    const own = new OwnMessages(sink)
    const retainedDeliveries = new RetainedDeliveries()
    const willLimits = new WillLimits(options)
    const wills = new Wills({ store, authorizer, own, failedWrites, limits: willLimits, events, now, deadlineSet })
    const sessionLimits = new SessionLimits(store, options)
    const ports = (): ConnectionPorts => this.ports
    const admission = new BrokerAdmission({ options, timers, events, isExempt: client => authorizer.isExempt(client) })
    const sessions: SessionRegistry = new SessionRegistry({
      store,
      router,
      wills,
      failedWrites,
      limits,
      events,
      fairness,
      now,
      ports,
      deadlineSet,
      maxConnections: options.maxConnections,
      sessionLimits,
      ownership: cluster,
      flapping: admission.flapping,
    })
    this.options = options
    this.#cluster = cluster
    this.drops = drops
    this.counts = counts
    this.events = events
    this.timers = timers
    this.authorizer = authorizer
    this.store = store
    this.bus = bus
    this.interests = interests
    this.router = router
    this.own = own
    this.backPressure = backPressure
    this.sessions = sessions
    this.willLimits = willLimits
    const housekeeping: Housekeeping = new Housekeeping({ store, sessions, events, timers })
    if (options.logger !== undefined) logEvents(emitter, options.logger, timers)
    const overload = new OverloadState()
    const probe = new ProcessProbe({ eventLoop: options.maxEventLoopDelayMs !== Number.POSITIVE_INFINITY })
    const brake = new OverloadBrake({ state: overload, options, probe, timers, events })
    this.ports = {
      options,
      authorizer,
      sink,
      sessions,
      router,
      retained: {
        matching: filters => store.retained(filters),
        delivery: (message, qos) => retainedDeliveries.of(message, qos),
      },
      store,
      events,
      timers,
      fairness,
      congestion,
      roomForNext: message => backPressure.roomForNext(message),
      admission,
      overload,
      timings,
      flusher: new Flusher(fairness, cluster?.mayWrite),
      traffic: new Traffic(),
      incompletePackets: new IncompletePackets(options.maxIncompleteBytes),
      load: new Load(),
      subscriptionLoad: new SubscriptionLoad(),
      hasRoomFor: clientId => sessions.size < options.maxConnections || sessions.isConnected(clientId),
      elsewhere: () => this.draining.elsewhere,
      roomForFilters: () => sessionLimits.roomForFilters,
      overloadError: client => (authorizer.isExempt(client) ? undefined : brake.refusal),
      responseInformation: client => responseInformation(client, options, events),
    }
    this.lifecycle = new Lifecycle({
      options,
      events,
      timers,
      store,
      bus,
      router,
      sessions,
      willLimits,
      housekeeping,
      authorizer,
      own,
      connections: this.connections,
      draining: this.draining,
      brake,
      cluster,
      isAlone: mq === undefined && cluster === undefined,
      storeBridge: new StoreBridge(options.id, fairness, emitter, mq),
      systemTopics: options.sysInterval > 0 ? new SystemTopics(this, options.sysInterval * 1000) : undefined,
    })
  }

  /** Ends a connection if too many streams are open, those before CONNECT included. */
  checkRoom(connection: Connection): void {
    const { maxConnections } = this.options
    if (this.connections.size <= maxConnections + Math.max(SPARE_STREAMS, maxConnections / 10)) return
    connection.fail(new AnaxError('ANAX_ERR_SERVER_BUSY', { detail: `${this.connections.size} streams are open` }))
    connection.stream.destroy()
  }

  /** Whether the store was opened. */
  get isOpen(): boolean {
    return this.lifecycle.isOpen
  }

  /** Whether clients that connect now are served. */
  get isReady(): boolean {
    return this.draining.elsewhere === undefined && this.#cluster?.isMember !== false
  }

  /** Whether the broker is a node of a cluster, which shares retained messages. */
  get isClustered(): boolean {
    return this.#cluster !== undefined
  }

  /** The state of the cluster, if there is one. */
  get clusterStats(): ClusterStats | undefined {
    return this.#cluster?.stats
  }
}
