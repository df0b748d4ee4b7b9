/**
 * The services that all parts of a broker share: options, hooks, events, time, the connected clients, and the numbers
 * of the current load. Created first; must not know the parts that use them.
 */
import type { EventEmitter } from 'node:events'
import type { BrokerEvents } from '../../../types/broker/events.js'
import type { Clock } from '../../../types/clock.js'
import { Congestion } from '../../model/metering/congestion.js'
import { Load } from '../../model/metering/load.js'
import { OverloadState } from '../../model/metering/overload.js'
import { SubscriptionLoad } from '../../model/metering/subscription-bytes.js'
import { Timings } from '../../model/metering/timings.js'
import { Traffic } from '../../model/metering/traffic.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import { Fairness } from '../../util/scheduling/fairness.js'
import { Timers } from '../../util/scheduling/timers.js'
import { HookAuthorizer } from '../hooks/authorizer.js'
import { EventCounts } from '../hooks/event-counts.js'
import { BrokerEventSink } from '../hooks/events.js'
import { UnheardEvents } from '../hooks/unheard-events.js'
import { DropCounts } from '../publish/drop-counts.js'
import { QueueLimitRules } from '../publish/queue-limits.js'
import { ConnectedClients } from '../sessions/connected-clients.js'

export class Services {
  readonly options: ResolvedOptions
  readonly connected = new ConnectedClients()
  readonly counts = new EventCounts()
  readonly drops = new DropCounts(clientId => this.connected.ownerOf(clientId))
  readonly events: EventSink
  readonly fairness = new Fairness()
  readonly timers: Timers
  readonly timings = new Timings()
  readonly authorizer: HookAuthorizer
  readonly queueLimits: QueueLimitRules
  readonly congestion = new Congestion()
  readonly load = new Load()
  readonly subscriptionLoad = new SubscriptionLoad()
  readonly overload = new OverloadState()
  readonly traffic = new Traffic()
  /** Milliseconds since the epoch. */
  readonly now: () => number

  constructor(emitter: EventEmitter<BrokerEvents>, options: ResolvedOptions, clock: Clock) {
    this.options = options
    this.now = () => clock.now()
    const unheard = options.logger === undefined ? new UnheardEvents() : undefined
    this.events = new BrokerEventSink(emitter, this.drops, this.counts, unheard)
    const timers = new Timers(clock, this.fairness)
    this.timers = timers
    const { hookTimeoutMs: timeoutMs } = options
    this.authorizer = new HookAuthorizer(this.events, { timers, timeoutMs, timings: this.timings }, options)
    this.queueLimits = new QueueLimitRules(options, this.events)
  }
}
