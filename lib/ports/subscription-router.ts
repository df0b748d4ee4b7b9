/** The port through which subscriptions become live. A contract: matching and the bus are not known here. */
import type { MaybePromise } from '../../types/persistence.js'
import type { SessionSubscription } from '../model/subscription.js'

/** Live subscriptions. */
export interface SubscriptionRouter {
  /**
   * Makes a subscription live, and waits until a bus of the host has its filter. Rejects with ANAX_ERR_BUS if the bus
   * does not take the filter: the subscription is live all the same, until it is removed.
   */
  add(subscription: SessionSubscription): MaybePromise<void>
  /** Whether a message of a publisher is on its way, because it takes more than one turn of the event loop. */
  isDelivering(publisherId: string): boolean
  remove(subscription: SessionSubscription): void
  readonly shared: {
    /** Ends the subscription of a session whose client is not connected, if it is a shared one. */
    leave(subscription: { topic: string; clientId: string }): void
  }
}
