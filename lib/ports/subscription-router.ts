/** The port through which subscriptions become live. A contract: matching and the bus are not known here. */
import type { MaybePromise } from '../../types/persistence.js'
import type { SessionSubscription } from '../model/subscription.js'

/** Live subscriptions. */
export interface SubscriptionRouter {
  /**
   * Makes a subscription live, and waits until its filter is registered on a bus of the host. Rejects with ANAX_ERR_BUS
   * if that fails; the subscription is live nevertheless, until it is removed.
   */
  add(subscription: SessionSubscription): MaybePromise<void>
  /** Whether a message of a publisher is still being delivered, because that takes several turns of the event loop. */
  isDelivering(publisherId: string): boolean
  remove(subscription: SessionSubscription): void
  readonly shared: {
    /** Ends a shared subscription of a session whose client is not connected; does nothing for others. */
    leave(subscription: { topic: string; clientId: string }): void
  }
}
