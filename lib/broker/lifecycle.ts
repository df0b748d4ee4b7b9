/**
 * Starts and stops the parts of a broker. Owns the order: what has to be open before what, and what is closed even if
 * another part fails. Must not know how the parts were made.
 */
import type { MaybePromise, SessionPersistence } from '../../types/persistence.js'
import type { ClusterParts } from '../cluster/cluster-parts.js'
import { wrapError } from '../errors.js'
import type { EventSink } from '../ports/event-sink.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'
import type { MessageBus } from '../routing/bus/message-bus.js'
import type { Router } from '../routing/router.js'
import type { Timers } from '../util/scheduling/timers.js'
import type { SystemTopics } from './inspection/system-topics.js'
import type { OverloadBrake } from './overload/overload-brake.js'
import type { Housekeeping } from './sessions/housekeeping.js'
import type { SessionRegistry } from './sessions/session-registry.js'
import type { WillLimits } from './sessions/will-limits.js'
import type { StoreBridge } from './store-bridge.js'

interface StartedParts {
  readonly options: ResolvedOptions
  readonly events: EventSink
  readonly timers: Timers
  readonly store: SessionPersistence
  readonly bus: MessageBus
  readonly router: Router
  readonly sessions: SessionRegistry
  readonly willLimits: WillLimits
  readonly housekeeping: Housekeeping
  readonly storeBridge: StoreBridge
  readonly brake: OverloadBrake
  readonly cluster: ClusterParts | undefined
  readonly systemTopics: SystemTopics | undefined
}

export class Lifecycle {
  readonly #parts: StartedParts
  #isOpen = false

  constructor(parts: StartedParts) {
    this.#parts = parts
  }

  /** Whether the store was opened. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Opens the store and recovers the state of an earlier run. */
  async open(): Promise<void> {
    const { cluster, store, storeBridge, timers, willLimits, router, housekeeping, systemTopics, brake } = this.#parts
    if (cluster !== undefined) this.#limitPackets(await cluster.open())
    await store.setup(storeBridge)
    this.#isOpen = true
    storeBridge.greet()
    await store.recover(timers.wallTime())
    await willLimits.recover(store.wills?.() ?? [])
    for await (const member of store.sharedSubscriptions()) router.shared.joinOffline(member)
    await housekeeping.publishWillsLeft()
    housekeeping.look()
    systemTopics?.start()
    brake.start()
  }

  /** Lowers the packet limits to what the cluster engine accepts; clients are told the limit. */
  #limitPackets(maxBytes: number): void {
    const { options } = this.#parts
    options.maxPacketSize = Math.min(options.maxPacketSize, maxBytes)
    options.maxConnectSize = Math.min(options.maxConnectSize, options.maxPacketSize)
  }

  /** Closes all parts, even if some fail. */
  async close(): Promise<void> {
    const { options, cluster, store, storeBridge, timers, bus, housekeeping, systemTopics, brake } = this.#parts
    const inTime = (closing: Promise<void>) => timers.within(options.closeTimeoutMs, closing)
    brake.stop()
    cluster?.stop()
    await inTime(housekeeping.stop())
    await inTime(this.#retryFailedWrites())
    if (this.#isOpen) await this.#ended('ANAX_ERR_STORE', () => inTime(Promise.resolve(systemTopics?.stop())))
    storeBridge.close()
    await this.#ended('ANAX_ERR_BUS', () => inTime(bus.close()))
    timers.clear()
    // without a time limit: the store must write everything that was acknowledged
    await this.#ended('ANAX_ERR_STORE', () => store.destroy())
  }

  /** A last attempt: failed writes are not remembered by the next run. */
  async #retryFailedWrites(): Promise<void> {
    const { sessions } = this.#parts
    if (sessions.hasFailedWrites) await this.#ended('ANAX_ERR_STORE', () => sessions.retryFailedWrites())
  }

  async #ended(code: 'ANAX_ERR_BUS' | 'ANAX_ERR_STORE', end: () => MaybePromise<void>): Promise<void> {
    try {
      await end()
    } catch (error) {
      this.#parts.events.emit('storeError', wrapError(code, error))
    }
  }
}
