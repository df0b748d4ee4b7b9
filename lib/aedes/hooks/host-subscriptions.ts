/**
 * Subscriptions that the application makes for a client: `authorizeSubscribe` is called for them, and the event
 * `subscribe` gets the application's own list. Owns these lists until the event is emitted; must not know what a hook
 * decides.
 */
import type { Client } from '../../../types/client/client.js'
import type { Subscription } from '../../../types/message/packets.js'

/** The SUBACK code of a refused filter. */
const REFUSED = 128

interface Pending {
  client: Client
  /** The granted filters. */
  topics: string[]
  list: Subscription[]
}

export class HostSubscriptions {
  readonly #pending: Pending[] = []

  /**
   * Subscribes a client. Of several subscriptions to one filter, the last one counts, as in Aedes; refused ones get the
   * QoS 128.
   * @returns the list for the event, if the broker emits none
   */
  async subscribe(
    client: Client,
    subscriptions: Subscription[],
    ask: (subscription: Subscription) => Promise<Subscription | null>,
  ): Promise<Subscription[] | undefined> {
    const list = subscriptions.length === 1 ? subscriptions : distinct(subscriptions)
    const granted: Subscription[] = []
    for (const subscription of list) {
      const verdict = await ask(subscription)
      subscription.qos = verdict?.qos ?? (REFUSED as Subscription['qos'])
      if (verdict !== null) granted.push(verdict)
    }
    if (granted.length === 0) return list
    const pending = { client, topics: granted.map(({ topic }) => topic), list }
    this.#pending.push(pending)
    try {
      await client.subscribe(granted)
    } finally {
      const index = this.#pending.indexOf(pending)
      if (index !== -1) this.#pending.splice(index, 1)
    }
    return undefined
  }

  /** The application's list for the subscriptions of an event, if the application made them. */
  take(client: Client, topics: string[]): Subscription[] | undefined {
    const index = this.#pending.findIndex(each => each.client === client && areEqual(each.topics, topics))
    return index === -1 ? undefined : this.#pending.splice(index, 1)[0]!.list
  }
}

function distinct(subscriptions: Subscription[]): Subscription[] {
  return [...new Map(subscriptions.map(subscription => [subscription.topic, subscription])).values()]
}

function areEqual(left: string[], right: string[]): boolean {
  return left.length === right.length && left.every((each, index) => each === right[index])
}
