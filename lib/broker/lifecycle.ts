/**
 * The states of a broker, from `listen` to `close`. Owns what each state allows, and the order in which the parts are
 * opened and closed; all are closed, even if some fail. Must not know how the parts were made.
 */
import type { MaybePromise, SessionPersistence } from '../../types/persistence.js'
import type { ClusterParts } from '../cluster/cluster-parts.js'
import { AnaxError, wrapError } from '../errors.js'
import type { EventSink } from '../ports/event-sink.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'
import type { MessageBus } from '../routing/bus/message-bus.js'
import type { Router } from '../routing/router.js'
import type { Timers } from '../util/scheduling/timers.js'
import type { Draining } from './draining.js'
import { type ClosingParts, endConnections } from './end-connections.js'
import { type Start, startAt } from './inspection/stats.js'
import type { SystemTopics } from './inspection/system-topics.js'
import type { OverloadBrake } from './overload/overload-brake.js'
import type { Housekeeping } from './sessions/housekeeping.js'
import type { SessionRegistry } from './sessions/session-registry.js'
import type { WillLimits } from './sessions/will-limits.js'
import type { StoreBridge } from './store-bridge.js'
import { warnOfWorker } from './worker-process.js'

type BrokerState = 'new' | 'opening' | 'listening' | 'closing' | 'closed'

interface StartedParts extends ClosingParts {
  readonly options: ResolvedOptions
  readonly events: EventSink
  readonly timers: Timers
  readonly store: SessionPersistence
  readonly bus: MessageBus
  readonly router: Router
  readonly sessions: SessionRegistry
  readonly willLimits: WillLimits
  readonly housekeeping: Housekeeping
  readonly draining: Draining
  readonly storeBridge: StoreBridge
  readonly brake: OverloadBrake
  readonly cluster: ClusterParts | undefined
  /** Whether the broker has neither a bus of the host nor a cluster, which brokers in other processes could share. */
  readonly isAlone: boolean
  readonly systemTopics: SystemTopics | undefined
}

export class Lifecycle {
  readonly #parts: StartedParts
  #state: BrokerState = 'new'
  #start: Start | undefined
  #opening: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #isOpen = false

  constructor(parts: StartedParts) {
    this.#parts = parts
  }

  /** Whether the store was opened. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Whether clients can connect. */
  get isListening(): boolean {
    return this.#state === 'listening'
  }

  /** Whether clients that connect now are served. */
  get isReady(): boolean {
    const { draining, cluster } = this.#parts
    return this.isListening && draining.elsewhere === undefined && cluster?.isMember !== false
  }

  /** When the broker was started; undefined before that. */
  get start(): Start | undefined {
    return this.#start
  }

  /** @throws AnaxError ANAX_ERR_NOT_LISTENING before the broker is started */
  assertStarted(): void {
    if (this.#state === 'new' || this.#state === 'opening') throw new AnaxError('ANAX_ERR_NOT_LISTENING')
  }

  /** @throws AnaxError ANAX_ERR_NOT_LISTENING, ANAX_ERR_CLOSED unless the broker is listening */
  assertListening(): void {
    this.assertStarted()
    if (this.#state !== 'listening') throw new AnaxError('ANAX_ERR_CLOSED')
  }

  /** Starts the broker. After a failure, it can be tried again. */
  async listen(): Promise<void> {
    if (this.#state === 'opening' || this.#state === 'listening') {
      throw new AnaxError('ANAX_ERR_LISTEN', {
        detail:
          'the broker is started already, as createBroker() does (ports are opened by createServer of anax/server)',
      })
    }
    if (this.#state !== 'new') throw new AnaxError('ANAX_ERR_CLOSED')
    this.#state = 'opening'
    this.#opening = this.#open()
    try {
      await this.#opening
      this.#state = 'listening'
      this.#start = startAt(this.#parts.timers)
    } catch (error) {
      this.#state = 'new'
      throw wrapError('ANAX_ERR_STORE', error)
    }
  }

  /**
   * Ends all connections and closes all parts. Further calls wait for the first.
   * @param endHostSide ends what the host has open: streams and requests
   */
  close(endHostSide: () => void): Promise<void> {
    this.#closing ??= this.#close(endHostSide)
    return this.#closing
  }

  async #close(endHostSide: () => void): Promise<void> {
    // the caller of `listen` gets the error
    if (this.#state === 'opening') await this.#opening?.catch(() => {})
    if (this.#state === 'new') {
      this.#state = 'closed'
      // after a failed start, the store may be open
      if (this.#isOpen) await this.#closeParts()
      return
    }
    this.#state = 'closing'
    endHostSide()
    this.#parts.draining.stop()
    await endConnections(this.#parts)
    await this.#closeParts()
    this.#state = 'closed'
    this.#parts.events.emit('closed')
  }

  /** Opens the store and recovers the state of an earlier run. */
  async #open(): Promise<void> {
    const { cluster, store, storeBridge, timers, willLimits, router, housekeeping, systemTopics, brake } = this.#parts
    if (this.#parts.isAlone) warnOfWorker()
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
  async #closeParts(): Promise<void> {
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
