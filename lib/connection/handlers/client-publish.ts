/**
 * A client's PUBLISH in the pipeline: calls the hook, and acknowledges the message when it is stored and routed, or
 * answers why it was refused. Must not know who receives the message.
 */
import type { PubackPacket, PubrecPacket } from '../../../types/message/packets.js'
import { frames } from '../../codec/encode/encoder.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import { brokerReasonCode } from '../../codec/reason-code-table.js'
import { AnaxError, explanationOf, wrapError } from '../../errors.js'
import { startExpiry } from '../../model/message.js'
import { recordOf } from '../../model/routing-record.js'
import { AcknowledgedRefusal } from '../../ports/authorizer.js'
import type { Companion } from '../../ports/message-sink.js'
import { ReasonCode } from '../../reason-codes.js'
import { PublishJob } from '../../routing/publish-job.js'
import { levelCount } from '../../topic/topic.js'
import { isPromise } from '../../util/maybe-promise.js'
import type { Channel } from '../channel.js'
import { isFromAfar } from '../connection-source.js'
import { payloadFormatError } from '../payload-format.js'

export class ClientPublish extends PublishJob {
  readonly #channel: Channel
  /** QoS and packet id as received: a hook may change the message, but not the handshake. */
  readonly #qos: number
  readonly #packetId: number | undefined

  /** @param done called when the message is routed or refused */
  constructor(channel: Channel, message: PublishMessage, done: ((refusal: AnaxError | undefined) => void) | undefined) {
    super(channel.ports.sink, message, channel.client, companionOf(channel, message), done)
    this.#channel = channel
    this.#qos = message.qos
    this.#packetId = message.messageId
  }

  override authorize(): void | Promise<void> {
    const { authorizer, options } = this.#channel.ports
    const message = this.message
    // A topic has at most one level more than characters, so most topics need not be counted.
    if (message.topic.length >= options.maxTopicLevels && levelCount(message.topic) > options.maxTopicLevels) {
      this.refusal = new AnaxError('ANAX_ERR_TOPIC_NAME', { detail: `more than ${options.maxTopicLevels} levels` })
      return
    }
    if (options.validatePayloadFormat && message.properties !== undefined) this.refusal = payloadFormatError(message)
    if (this.refusal !== undefined || authorizer.authorizePublish === undefined) return
    const expiry = message.properties?.messageExpiryInterval
    const verdict = authorizer.authorizePublish(this.#channel.client, message)
    if (isPromise(verdict)) return verdict.then(later => this.#decide(later, expiry))
    this.#decide(verdict, expiry)
  }

  override route(): void | Promise<void> {
    const routed = super.route()
    const { ports, client } = this.#channel
    if (ports.congestion.busy === 0 || isFromAfar(client.conn, client.req)) return routed
    // a client within this process waits like the host: see `Broker.publish`
    return isPromise(routed) ? this.#roomAfter(routed) : ports.roomForNext(this.message)
  }

  /** A method of its own: a closure in `route` would be allocated for each message. */
  async #roomAfter(routed: Promise<void>): Promise<void> {
    await routed
    await this.#channel.ports.roomForNext(this.message)
  }

  override answer(): void | Promise<void> {
    if (this.#qos === 1) this.#channel.session!.removeUnacknowledged()
    if (this.refusal !== undefined) return this.#answerRefusal(this.refusal)
    if (this.#qos > 0) this.#acknowledge()
  }

  /** @param expiry the Message Expiry Interval that the client gave */
  #decide(verdict: PublishMessage | AnaxError, expiry: number | undefined): void {
    if (verdict instanceof AnaxError) {
      this.refusal = verdict
      return
    }
    this.message = verdict
    if (verdict.properties?.messageExpiryInterval === expiry) return
    // Applies an expiry that the hook changed.
    verdict.messageExpiry = undefined
    startExpiry(verdict, this.#channel.ports.timers.wallTime())
  }

  #acknowledge(): void {
    const { dialect } = this.#channel
    // [MQTT 5.0, 3.4.2.1]: 0x10 tells the publisher that there are no subscribers.
    if (dialect.hasProperties && recordOf(this.message)?.reachesNobody) {
      this.#channel.send(this.#answer(ReasonCode.NoMatchingSubscribers))
    } else {
      this.#channel.write(this.#qos === 1 ? frames.puback : frames.pubrec, this.#packetId!)
    }
  }

  #answerRefusal(refusal: AnaxError): void | Promise<void> {
    const { dialect, ports } = this.#channel
    // Frees the packet id before the client can use it again, on this connection or the next.
    const freed = this.#qos === 2 ? this.#free() : undefined
    ports.events.emit('publishRefused', refusal, this.message, this.#channel.client)
    const isTold = dialect.refusedPublish === 'acknowledge'
    if (!isTold && refusal instanceof AcknowledgedRefusal) this.#acknowledgeAnyway()
    else if (!isTold) this.#channel.fail(refusal)
    else if (this.#qos > 0) {
      this.#channel.send(this.#answer(brokerReasonCode('puback', refusal.reasonCode), explanationOf(refusal)))
    }
    return freed
  }

  /** Before 5.0 an acknowledgement does not tell whether the message was accepted. */
  #acknowledgeAnyway(): void {
    if (this.#qos > 0) this.#channel.write(this.#qos === 1 ? frames.puback : frames.pubrec, this.#packetId!)
  }

  #free(): void | Promise<void> {
    const { ports, session } = this.#channel
    const failed = (error: unknown) => ports.events.emit('storeError', wrapError('ANAX_ERR_STORE', error))
    try {
      const freed = session!.release(this.#packetId!)
      if (isPromise(freed)) return freed.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  #answer(reasonCode: number, reasonString?: string): PubackPacket | PubrecPacket {
    const cmd = this.#qos === 1 ? 'puback' : 'pubrec'
    return { cmd, messageId: this.#packetId!, reasonCode, ...(reasonString && { properties: { reasonString } }) }
  }
}

/** Stored together with the message: the packet id of a QoS 2 message, if the session is stored. */
function companionOf(channel: Channel, { qos, messageId }: PublishMessage): Companion | undefined {
  const session = channel.session!
  if (qos !== 2 || !session.stored) return undefined
  return { kind: 'packet id', clientId: session.id, packetId: messageId! }
}
