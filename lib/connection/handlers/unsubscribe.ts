/** UNSUBSCRIBE: ends the subscriptions whose filters are exactly those of the packet, and answers. */
import type { UnsubscribePacket } from '../../../types/packets.js'
import { type AnaxError, wrapError } from '../../errors.js'
import { ReasonCode } from '../../reason-codes.js'
import { deleteStoredSubscriptions, unrouteSubscriptions } from '../../session/subscribing.js'
import { isPromise } from '../../util/maybe-promise.js'
import { Job } from '../../util/pipeline.js'
import type { Channel } from '../channel.js'

/** Handles an UNSUBSCRIBE. */
export function receiveUnsubscribe(channel: Channel, packet: UnsubscribePacket): void {
  channel.ingress.run(new Unsubscribe(channel, packet))
}

class Unsubscribe extends Job {
  readonly #channel: Channel
  readonly #packet: UnsubscribePacket
  #removed: boolean[] = []
  #refusal: AnaxError | undefined

  constructor(channel: Channel, packet: UnsubscribePacket) {
    super()
    this.#channel = channel
    this.#packet = packet
  }

  override store(): void | Promise<void> {
    const { unsubscriptions } = this.#packet
    this.#channel.session!.subscriptionQuota?.release(unsubscriptions)
    try {
      const removed = deleteStoredSubscriptions(this.#channel.session!, unsubscriptions)
      if (isPromise(removed)) return removed.catch(this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }

  override route(): void {
    const { unsubscriptions } = this.#packet
    if (this.#refusal === undefined) this.#removed = unrouteSubscriptions(this.#channel.session!, unsubscriptions)
    this.#channel.session!.subscriptionQuota?.settle(unsubscriptions)
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
  }
}

function codeOf(existed: boolean): number {
  return existed ? ReasonCode.Success : ReasonCode.NoSubscriptionExisted
}
