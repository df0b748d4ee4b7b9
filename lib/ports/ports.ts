/** All ports together, and what else sessions and connections share: options, store and timers of the broker. */
import type { SessionPersistence } from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import type { Congestion } from '../model/metering/congestion.js'
import type { Load } from '../model/metering/load.js'
import type { OverloadState } from '../model/metering/overload.js'
import type { SubscriptionLoad } from '../model/metering/subscription-bytes.js'
import type { Timings } from '../model/metering/timings.js'
import type { Fairness } from '../util/scheduling/fairness.js'
import type { Timers } from '../util/scheduling/timers.js'
import type { Authorizer } from './authorizer.js'
import type { EventSink } from './event-sink.js'
import type { MessageSink } from './message-sink.js'
import type { ResolvedOptions } from './resolved-options.js'
import type { RetainedMessages } from './retained-messages.js'
import type { SubscriptionRouter } from './subscription-router.js'

/** The dependencies of a session. */
export interface Ports {
  readonly options: ResolvedOptions
  readonly authorizer: Authorizer
  readonly sink: MessageSink
  readonly router: SubscriptionRouter
  readonly retained: RetainedMessages
  readonly store: SessionPersistence
  readonly events: EventSink
  readonly timers: Timers
  /** Limits the work of each turn of the event loop. */
  readonly fairness: Fairness
  readonly load: Load
  readonly subscriptionLoad: SubscriptionLoad
  readonly congestion: Congestion
  /**
   * A promise that a publisher within this process awaits after its message was delivered; undefined if there is room.
   */
  roomForNext(message: PublishMessage): Promise<void> | undefined
  readonly overload: OverloadState
  readonly timings: Timings
}
