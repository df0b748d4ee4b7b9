/**
 * SUBSCRIBE: authorizes each filter, stores what is granted, makes it live, answers, and sends the retained messages.
 * Owns that what a hook returned for a filter is exactly what is granted, stored, routed and answered.
 */
import type { SubscribePacket, Subscription } from '../../../types/message/packets.js'
import { AnaxError, explanationOf, wrapError } from '../../errors.js'
import { filterBytes } from '../../model/metering/session-bytes.js'
import { SessionSubscription } from '../../model/subscription.js'
import type { Session } from '../../session/session.js'
import {
  authorizeSubscription,
  type BusRefusals,
  endRefusedSubscriptions,
  grantSubscription,
  type Routed,
  replayRetained,
  routeInTurns,
  storeSubscriptions,
} from '../../session/subscribing.js'
import type { SubscriptionChange } from '../../session/subscription-changes.js'
import { isSharedFilter } from '../../topic/topic.js'
import { isPromise } from '../../util/maybe-promise.js'
import { Cost } from '../../util/scheduling/fairness.js'
import { Job } from '../../util/scheduling/pipeline.js'
import type { Channel } from '../channel.js'

/** Handles a SUBSCRIBE. */
export function receiveSubscribe(channel: Channel, packet: SubscribePacket): void {
  const fault = faultOf(channel, packet)
  if (channel.parameters.isBridge) packet.subscriptions = packet.subscriptions.map(asForBridge)
  if (fault === undefined) channel.ingress.run(new Subscribe(channel, packet))
  else channel.fail(fault)
}

/**
 * Sets options for a bridge, because before 5.0 a SUBSCRIBE has none. As with Mosquitto, a bridge does not get back its
 * own messages, and learns which messages are retained.
 */
function asForBridge(subscription: Subscription): Subscription {
  return { ...subscription, nl: !isSharedFilter(subscription.topic), rap: true }
}

/** An error of the whole packet, which ends the connection. */
function faultOf({ ports, dialect }: Channel, { subscriptions, properties }: SubscribePacket): AnaxError | undefined {
  const { options } = ports
  if (properties?.subscriptionIdentifier !== undefined && !options.subscriptionIdentifiersAvailable) {
    return new AnaxError('ANAX_ERR_SUBSCRIPTION_ID_NOT_SUPPORTED')
  }
  // [MQTT-3.8.3-4]
  if (subscriptions.some(({ topic, nl }) => nl === true && isSharedFilter(topic))) {
    return new AnaxError('ANAX_ERR_PROTOCOL', { detail: 'SUBSCRIBE: No Local on a shared subscription' })
  }
  if (dialect.hasProperties && !options.sharedSubscriptionAvailable) {
    if (subscriptions.some(({ topic }) => isSharedFilter(topic))) {
      return new AnaxError('ANAX_ERR_SHARED_NOT_SUPPORTED', { scope: 'connection' })
    }
  }
  return undefined
}

/** The outcome for one filter. */
type Outcome = SessionSubscription | AnaxError

class Subscribe extends Job {
  readonly #channel: Channel
  readonly #packet: SubscribePacket
  /** Per filter: the granted subscription, or why it is refused. */
  #outcomes: readonly Outcome[] = []
  /** The granted subscriptions. */
  #granted: readonly SessionSubscription[] = []
  /** New subscriptions, for Retain Handling 1: they replaced none. */
  #fresh: ReadonlySet<SessionSubscription> = new Set()
  #storedLater = false
  /** Filters that the session's quota has room for. */
  #claimed: readonly string[] = []
  #change: SubscriptionChange | undefined

  constructor(channel: Channel, packet: SubscribePacket) {
    super()
    this.#channel = channel
    this.#packet = packet
  }

  override authorize(): void | Promise<void> {
    const { client, ports } = this.#channel
    ports.fairness.spend(this.#packet.subscriptions.length * Cost.match)
    const verdicts = this.#packet.subscriptions.map(each => authorizeSubscription(client, ports, each))
    if (verdicts.some(isPromise)) return Promise.all(verdicts).then(this.#decide)
    this.#decide(verdicts as (Subscription | AnaxError)[])
  }

  override store(): void | Promise<void> {
    this.#claim()
    const session = this.#session()
    this.#change = session.changes.begin()
    session.replacements.note(this.#granted)
    try {
      const stored = storeSubscriptions(session, this.#granted)
      if (!isPromise(stored)) return
      this.#storedLater = true
      return stored.catch(this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }

  override route(): void | Promise<void> {
    const change = this.#change!
    const routed = change.turn === undefined ? this.#route() : change.turn.then(() => this.#route())
    if (isPromise(routed)) return routed.finally(() => change.done())
    change.done()
  }

  #route(): void | Promise<void> {
    const routed = routeInTurns(this.#session(), this.#granted)
    return isPromise(routed) ? routed.then(later => this.#routed(later)) : this.#routed(routed)
  }

  #routed({ fresh, refusals }: Routed): void | Promise<void> {
    this.#fresh = fresh
    this.#tellClient()
    this.#session().subscriptionQuota.settle(this.#claimed)
    if (refusals !== undefined) return this.#awaitBus(refusals)
    // messages that were queued while the subscriptions were being written did not come over the bus
    if (this.#storedLater) this.#readStored()
  }

  override answer(): void {
    const { dialect, ports } = this.#channel
    if (!this.#channel.connected) return
    const codes = this.#outcomes.map(outcome =>
      dialect.subackCode(outcome instanceof AnaxError ? outcome.reasonCode : outcome.qos),
    )
    // [MQTT-3.8.4-1], [MQTT-3.8.4-6]
    this.#channel.send({ cmd: 'suback', messageId: this.#packet.messageId, granted: codes, ...this.#explanation() })
    if (ports.events.has('subscribe')) this.#tellHost(codes)
    replayRetained(this.#session(), this.#granted, this.#fresh)
  }

  /** SUBACK promises messages, so the bus must have registered the filters before it is sent. */
  async #awaitBus(refusals: Promise<BusRefusals>): Promise<void> {
    const refused = await refusals
    if (refused.size > 0) await endRefusedSubscriptions(this.#session(), refused)
    if (refused.size > 0) this.#review(granted => refused.get(granted))
    this.#readStored()
  }

  #readStored(): void {
    this.#session().readStored()
  }

  #conclude(outcomes: readonly Outcome[]): void {
    this.#outcomes = outcomes
    this.#granted = outcomes.filter(outcome => outcome instanceof SessionSubscription)
  }

  /** @param refusalOf returns why a granted subscription is refused after all */
  #review(refusalOf: (granted: SessionSubscription) => AnaxError | undefined): void {
    this.#conclude(
      this.#outcomes.map(outcome => (outcome instanceof AnaxError ? outcome : (refusalOf(outcome) ?? outcome))),
    )
  }

  #explanation() {
    if (this.#granted.length === this.#outcomes.length) return undefined
    const refusal = this.#outcomes.find(outcome => outcome instanceof AnaxError)
    return refusal === undefined || !this.#channel.dialect.hasProperties
      ? undefined
      : { properties: { reasonString: explanationOf(refusal) } }
  }

  #session(): Session {
    return this.#channel.session!
  }

  readonly #decide = (verdicts: (Subscription | AnaxError)[]): void => {
    const identifier = this.#packet.properties?.subscriptionIdentifier
    const outcomes = verdicts.map((verdict, index) => {
      const { topic } = this.#packet.subscriptions[index]!
      return verdict instanceof AnaxError ? verdict : grantSubscription(this.#session(), verdict, topic, identifier)
    })
    this.#conclude(outcomes)
  }

  /**
   * Called in the stage `store`, where packets are in order, because the number of subscriptions depends on earlier
   * packets.
   */
  #claim(): void {
    this.#claimBytes()
    const { subscriptionQuota: quota, clientLimits } = this.#session()
    const { maxSubscriptionBytes, maxTotalSubscriptionBytes } = this.#channel.ports.options
    const limits = { maxSubscriptions: clientLimits.maxSubscriptions, maxSubscriptionBytes, maxTotalSubscriptionBytes }
    const filters = this.#granted.map(({ topic }) => topic)
    const refusals = quota.claim(filters, limits)
    this.#claimed = filters
    if (refusals === undefined) return
    this.#claimed = filters.filter((_, index) => refusals[index] === undefined)
    let index = 0
    this.#review(() => refusals[index++])
  }

  /** Claims the bytes of the filters. A filter that replaces itself needs none. */
  #claimBytes(): void {
    const session = this.#session()
    if (!session.stored) return
    let room = this.#channel.ports.roomForFilters()
    let full: AnaxError | undefined
    this.#review(granted => {
      if (session.subscriptions.has(granted.topic)) return undefined
      room -= filterBytes(granted)
      if (room >= 0) return undefined
      // one error for all filters: a packet may have thousands
      full ??= new AnaxError('ANAX_ERR_QUOTA', { detail: 'stored sessions have no room for it' })
      return full
    })
  }

  readonly #failed = (error: unknown): void => {
    const refusal = wrapError('ANAX_ERR_STORE', error)
    this.#review(() => refusal)
    this.#channel.ports.events.emit('storeError', refusal)
  }

  #tellClient(): void {
    const { client, connected, ports } = this.#channel
    if (!connected || client.listenerCount('subscribed') === 0) return
    const filters = this.#granted.map(({ topic }) => topic)
    if (filters.length > 0) ports.events.emitFrom(client, 'subscribed', filters)
  }

  #tellHost(codes: number[]): void {
    const told = this.#outcomes.map((outcome, index) => {
      const subscription = outcome instanceof AnaxError ? this.#packet.subscriptions[index]! : outcome.toJSON()
      return { ...subscription, qos: codes[index]! }
    })
    this.#channel.ports.events.emit('subscribe', told, this.#channel.client)
  }
}
