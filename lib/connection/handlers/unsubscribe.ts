/**
 * UNSUBSCRIBE: ends the subscriptions whose filters are exactly those of the packet, or were granted instead of them,
 * and answers. Must not know how subscriptions are stored and routed.
 */
import type { UnsubscribePacket } from '../../../types/message/packets.js'
import { type AnaxError, wrapError } from '../../errors.js'
import { ReasonCode } from '../../reason-codes.js'
import type { Session } from '../../session/session.js'
import {
  deleteStoredSubscriptions,
  grantedFilters,
  keepGrantedFilters,
  unrouteSubscriptions,
} from '../../session/subscribing.js'
import type { SubscriptionChange } from '../../session/subscription-changes.js'
import { isPromise } from '../../util/maybe-promise.js'
import { Job } from '../../util/scheduling/pipeline.js'
import type { Channel } from '../channel.js'

/** Handles an UNSUBSCRIBE. */
export function receiveUnsubscribe(channel: Channel, packet: UnsubscribePacket): void {
  channel.ingress.run(new Unsubscribe(channel, packet))
}

class Unsubscribe extends Job {
  readonly #channel: Channel
  readonly #packet: UnsubscribePacket
  readonly #session: Session
  /** For each filter of the packet the granted ones, because `authorizeSubscribe` may have granted others. */
  #granted: readonly string[][] = []
  #removed: boolean[] = []
  #refusal: AnaxError | undefined
  #change: SubscriptionChange | undefined

  constructor(channel: Channel, packet: UnsubscribePacket) {
    super()
    this.#channel = channel
    this.#packet = packet
    this.#session = channel.session!
  }

  override store(): void | Promise<void> {
    const session = this.#session
    this.#granted = grantedFilters(session, this.#packet.unsubscriptions)
    const topics = this.#granted.flat()
    session.subscriptionQuota.release(topics)
    this.#change = session.changes.begin()
    try {
      const removed = deleteStoredSubscriptions(session, topics)
      if (isPromise(removed)) return removed.catch(this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }

  override route(): void | Promise<void> {
    const { turn } = this.#change!
    if (turn !== undefined) return turn.then(() => this.#route())
    this.#route()
  }

  #route(): void {
    if (this.#refusal === undefined) {
      this.#removed = this.#granted.map(topics => unrouteSubscriptions(this.#session, topics).includes(true))
    }
    this.#session.subscriptionQuota.settle(this.#granted.flat())
    this.#change!.done()
  }

  override answer(): void {
    const { dialect, ports } = this.#channel
    const { messageId, unsubscriptions } = this.#packet
    if (this.#refusal !== undefined) {
      ports.events.emit('storeError', this.#refusal)
      if (!dialect.hasProperties) {
        // UNSUBACK of 3.1.1 has no reason codes
        this.#channel.fail(this.#refusal)
        return
      }
    }
    // [MQTT-3.10.4-4], [MQTT-3.10.4-5], [MQTT-3.11.3-1]
    const codes = unsubscriptions.map((_, index) => this.#refusal?.reasonCode ?? codeOf(this.#removed[index]!))
    this.#channel.send({ cmd: 'unsuback', messageId, granted: dialect.unsubackCodes(codes) })
    if (this.#refusal === undefined) ports.events.emit('unsubscribe', unsubscriptions, this.#channel.client)
  }

  readonly #failed = (error: unknown): void => {
    this.#refusal = wrapError('ANAX_ERR_STORE', error)
    keepGrantedFilters(this.#session, this.#packet.unsubscriptions, this.#granted)
  }
}

function codeOf(existed: boolean): number {
  return existed ? ReasonCode.Success : ReasonCode.NoSubscriptionExisted
}
