/** UNSUBSCRIBE: ends subscriptions by exactly their filters, and answers. */
import type { UnsubscribePacket } from '../../../types/packets.js'
import { type AnaxError, wrapError } from '../../errors.js'
import { ReasonCode } from '../../reason-codes.js'
import { removeStored, unroute } from '../../session/subscribing.js'
import { isPromise } from '../../util/maybe-promise.js'
import { Job } from '../../util/pipeline.js'
import type { Connection } from '../connection.js'

/** Handles an UNSUBSCRIBE. */
export function receiveUnsubscribe(connection: Connection, packet: UnsubscribePacket): void {
  connection.ingress.run(new Unsubscribe(connection, packet))
}

class Unsubscribe extends Job {
  readonly #connection: Connection
  readonly #packet: UnsubscribePacket
  #removed: boolean[] = []
  #refusal: AnaxError | undefined

  constructor(connection: Connection, packet: UnsubscribePacket) {
    super()
    this.#connection = connection
    this.#packet = packet
  }

  override store(): void | Promise<void> {
    const { unsubscriptions } = this.#packet
    this.#connection.session!.subscriptionQuota?.release(unsubscriptions)
    try {
      const removed = removeStored(this.#connection, unsubscriptions)
      if (isPromise(removed)) return removed.catch(this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }

  override route(): void {
    const { unsubscriptions } = this.#packet
    if (this.#refusal === undefined) this.#removed = unroute(this.#connection, unsubscriptions)
    this.#connection.session!.subscriptionQuota?.settle(unsubscriptions)
  }

  override answer(): void {
    const { dialect, ports } = this.#connection
    const { messageId, unsubscriptions } = this.#packet
    if (this.#refusal !== undefined) {
      ports.events.emit('storeError', this.#refusal)
      if (!dialect.hasProperties) {
        // UNSUBACK of 3.1.1 cannot say no
        this.#connection.fail(this.#refusal)
        return
      }
    }
    // [MQTT-3.10.4-4], [MQTT-3.10.4-5], [MQTT-3.11.3-1]
    const codes = unsubscriptions.map((_, index) => this.#refusal?.reasonCode ?? codeOf(this.#removed[index]!))
    this.#connection.send({ cmd: 'unsuback', messageId, granted: dialect.unsubackCodes(codes) })
    if (this.#refusal === undefined) ports.events.emit('unsubscribe', unsubscriptions, this.#connection)
  }

  readonly #failed = (error: unknown): void => {
    this.#refusal = wrapError('ANAX_ERR_STORE', error)
  }
}

function codeOf(existed: boolean): number {
  return existed ? ReasonCode.Success : ReasonCode.NoSubscriptionExisted
}
