/**
 * SUBSCRIBE: asks for each filter, keeps what was granted, routes it, answers, and sends the retained messages.
 * What a hook returned for one filter is the one thing that is granted, stored, routed and answered.
 */
import type { SubscribePacket, Subscription } from '../../../types/packets.js'
import { AnaxError, explanationOf, wrapError } from '../../errors.js'
import { SessionSubscription } from '../../model/subscription.js'
import {
  addSubscriptions,
  askFor,
  granted,
  type Refusals,
  replayRetained,
  routeSubscriptions,
  withdraw,
} from '../../session/subscribing.js'
import { isSharedFilter } from '../../topic/topic.js'
import { isPromise } from '../../util/maybe-promise.js'
import { Job } from '../../util/pipeline.js'
import type { Connection } from '../connection.js'

/** Handles a SUBSCRIBE. */
export function receiveSubscribe(connection: Connection, packet: SubscribePacket): void {
  const fault = faultOf(connection, packet)
  if (fault === undefined) connection.ingress.run(new Subscribe(connection, packet))
  else connection.fail(fault)
}

/** What ends the connection, because no single filter is to blame. */
function faultOf(
  { ports, dialect }: Connection,
  { subscriptions, properties }: SubscribePacket,
): AnaxError | undefined {
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

class Subscribe extends Job {
  readonly #connection: Connection
  readonly #packet: SubscribePacket
  /** Per filter: what was granted, or why not. */
  #outcomes: (SessionSubscription | AnaxError)[] = []
  /** Those whose filter the session did not have before, for Retain Handling 1. */
  #fresh: ReadonlySet<SessionSubscription> = new Set()
  #storedLater = false
  /** Filters that the session's quota has room for. */
  #claimed: string[] = []

  constructor(connection: Connection, packet: SubscribePacket) {
    super()
    this.#connection = connection
    this.#packet = packet
  }

  override authorize(): void | Promise<void> {
    const verdicts = this.#packet.subscriptions.map(subscription => askFor(this.#connection, subscription))
    if (verdicts.some(isPromise)) return Promise.all(verdicts).then(this.#decide)
    this.#decide(verdicts as (Subscription | AnaxError)[])
  }

  override store(): void | Promise<void> {
    this.#claim()
    try {
      const stored = addSubscriptions(this.#connection, this.#granted)
      if (!isPromise(stored)) return
      this.#storedLater = true
      return stored.catch(this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }

  override route(): void | Promise<void> {
    const { fresh, refusals } = routeSubscriptions(this.#connection, this.#granted)
    this.#fresh = fresh
    this.#connection.session!.subscriptionQuota?.settle(this.#claimed)
    if (refusals !== undefined) return this.#awaitBus(refusals)
    // what was queued while they were being written did not come over the bus
    if (this.#storedLater) this.#readStored()
  }

  override answer(): void {
    const { dialect, ports } = this.#connection
    if (!this.#connection.connected) return
    const codes = this.#outcomes.map(outcome =>
      dialect.subackCode(outcome instanceof AnaxError ? outcome.reasonCode : outcome.qos),
    )
    // [MQTT-3.8.4-1], [MQTT-3.8.4-6]
    this.#connection.send({ cmd: 'suback', messageId: this.#packet.messageId, granted: codes, ...this.#explanation })
    if (ports.events.has('subscribe')) this.#tellHost(codes)
    replayRetained(this.#connection, this.#granted, this.#fresh)
  }

  /** SUBACK says that messages will come: the bus has to have the filters by then. */
  async #awaitBus(refusals: Promise<Refusals>): Promise<void> {
    const refused = await refusals
    if (refused.size > 0) await withdraw(this.#connection, refused)
    this.#outcomes = this.#outcomes.map(outcome =>
      outcome instanceof AnaxError ? outcome : (refused.get(outcome) ?? outcome),
    )
    this.#readStored()
  }

  #readStored(): void {
    this.#connection.session!.outgoing?.readStored()
  }

  get #granted(): SessionSubscription[] {
    return this.#outcomes.filter(outcome => outcome instanceof SessionSubscription)
  }

  get #explanation() {
    const refusal = this.#outcomes.find(outcome => outcome instanceof AnaxError)
    return refusal === undefined || !this.#connection.dialect.hasProperties
      ? {}
      : { properties: { reasonString: explanationOf(refusal) } }
  }

  readonly #decide = (verdicts: (Subscription | AnaxError)[]): void => {
    const identifier = this.#packet.properties?.subscriptionIdentifier
    this.#outcomes = verdicts.map(verdict =>
      verdict instanceof AnaxError ? verdict : granted(this.#connection, verdict, identifier),
    )
  }

  /** Here, where packets are in order: how many there are follows from those ahead. */
  #claim(): void {
    const quota = this.#connection.session!.subscriptionQuota
    if (quota === undefined) return
    const refusals = quota.claim(this.#granted.map(({ topic }) => topic))
    this.#outcomes = this.#outcomes.map(outcome =>
      outcome instanceof AnaxError ? outcome : (refusals.shift() ?? outcome),
    )
    this.#claimed = this.#granted.map(({ topic }) => topic)
  }

  readonly #failed = (error: unknown): void => {
    const refusal = wrapError('ANAX_ERR_STORE', error)
    this.#outcomes = this.#outcomes.map(outcome => (outcome instanceof AnaxError ? outcome : refusal))
    this.#connection.ports.events.emit('storeError', refusal)
  }

  #tellHost(codes: number[]): void {
    const told = this.#outcomes.map((outcome, index) => {
      const subscription = outcome instanceof AnaxError ? this.#packet.subscriptions[index]! : outcome.toJSON()
      return { ...subscription, qos: codes[index]! }
    })
    this.#connection.ports.events.emit('subscribe', told, this.#connection)
  }
}
