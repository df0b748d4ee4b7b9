/**
 * PUBLISH from a client: checks it, runs it through the pipeline, and acknowledges it once it is stored and routed.
 * Owns the inbound half of QoS 1 and 2; must not know who receives the message.
 */
import type { PubackPacket, PubrecPacket } from '../../../types/packets.js'
import type { MatchedSubscription } from '../../../types/persistence.js'
import { frames } from '../../codec/encode/encoder.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import { brokerReasonCode } from '../../codec/reason-code-table.js'
import { AnaxError, explanationOf, wrapError } from '../../errors.js'
import { startExpiry } from '../../model/message.js'
import { ReasonCode } from '../../reason-codes.js'
import { levelCount } from '../../topic/topic.js'
import { both, isPromise } from '../../util/maybe-promise.js'
import { Job } from '../../util/pipeline.js'
import type { Channel } from '../channel.js'
import { payloadFormatError } from '../payload-format.js'

const NOBODY: readonly MatchedSubscription[] = []

/** Handles a PUBLISH. */
export function receivePublish(channel: Channel, message: PublishMessage): void {
  const fault = faultOf(channel, message)
  if (fault !== undefined) {
    channel.fail(fault)
    return
  }
  const session = channel.session!
  const { qos, messageId } = message
  // [MQTT-4.3.3-10]: the same packet id again, before its release, is the same message again
  const isRepeated = qos === 2 && session.incoming.has(messageId!)
  if (qos === 2) session.addIncoming(messageId!)
  else if (qos === 1) session.addUnacknowledged()
  const error = quotaError(channel)
  if (error !== undefined) {
    channel.fail(error)
    return
  }
  if (isRepeated) {
    channel.ingress.run(new RepeatedPublish(channel, messageId!))
    return
  }
  message.clientId = session.id
  if (message.properties !== undefined) startExpiry(message, channel.ports.timers.wallTime())
  channel.ingress.run(new Publish(channel, message))
}

/** What a client must not send at all, whatever the hooks say. */
function faultOf(channel: Channel, message: PublishMessage): AnaxError | undefined {
  const { options } = channel.ports
  if (message.properties !== undefined) {
    const { topicAlias } = message.properties
    if (topicAlias !== undefined) {
      const error = channel.resolveTopicAlias(message)
      if (error !== undefined) return error
    }
  }
  if (message.qos > options.maximumQoS) {
    return new AnaxError('ANAX_ERR_QOS_NOT_SUPPORTED', { detail: `PUBLISH with QoS ${message.qos}` }) // [MQTT-3.2.2-11]
  }
  if (message.retain && !options.retainAvailable) return new AnaxError('ANAX_ERR_RETAIN_NOT_SUPPORTED') // [MQTT-3.2.2-14]
  return undefined
}

/** More than the Receive Maximum at once [MQTT-3.3.4-8]; clients before 5.0 know none and have a wider bound. */
function quotaError(channel: Channel): AnaxError | undefined {
  const { options } = channel.ports
  const { incoming, unacknowledged } = channel.session!
  if (channel.dialect.hasProperties) {
    return unacknowledged > options.receiveMaximum
      ? new AnaxError('ANAX_ERR_RECEIVE_MAXIMUM', { detail: `${options.receiveMaximum}` })
      : undefined
  }
  return options.maxInflightInbound > 0 && incoming.size > options.maxInflightInbound
    ? new AnaxError('ANAX_ERR_RECEIVE_MAXIMUM', { detail: `maxInflightInbound is ${options.maxInflightInbound}` })
    : undefined
}

/** A PUBLISH on its way through the pipeline. */
class Publish extends Job {
  readonly #channel: Channel
  #message: PublishMessage
  /** QoS and packet id as they came: a hook may change the message, the handshake stays. */
  readonly #qos: number
  readonly #packetId: number | undefined
  #refusal: AnaxError | undefined
  #matched: readonly MatchedSubscription[] = NOBODY

  constructor(channel: Channel, message: PublishMessage) {
    super()
    this.#channel = channel
    this.#message = message
    this.#qos = message.qos
    this.#packetId = message.messageId
  }

  override authorize(): void | Promise<void> {
    const { authorizer, options } = this.#channel.ports
    const message = this.#message
    // a topic has at most one level more than characters: most are not looked through
    if (message.topic.length >= options.maxTopicLevels && levelCount(message.topic) > options.maxTopicLevels) {
      this.#refusal = new AnaxError('ANAX_ERR_TOPIC_NAME', { detail: `more than ${options.maxTopicLevels} levels` })
      return
    }
    if (options.validatePayloadFormat && message.properties !== undefined) this.#refusal = payloadFormatError(message)
    if (this.#refusal !== undefined || authorizer.authorizePublish === undefined) return
    const expiry = message.properties?.messageExpiryInterval
    const verdict = authorizer.authorizePublish(this.#channel.client, message)
    if (isPromise(verdict)) return verdict.then(later => this.#decide(later, expiry))
    this.#decide(verdict, expiry)
  }

  override match(): void | Promise<void> {
    if (this.#refusal !== undefined) return
    try {
      const matched = this.#channel.ports.sink.match(this.#message)
      if (isPromise(matched)) return this.#awaitMatch(matched)
      this.#matched = matched
    } catch (error) {
      this.#refuse(error)
    }
  }

  override store(): void | Promise<void> {
    if (this.#refusal !== undefined) return
    const { session, ports } = this.#channel
    try {
      const stored = ports.sink.store(this.#message, this.#matched)
      const kept = this.#qos === 2 ? both(stored, () => session!.storeIncoming(this.#packetId!)) : stored
      if (isPromise(kept)) return kept.catch(error => this.#abandon(error))
    } catch (error) {
      this.#abandon(error)
    }
  }

  override route(): void | Promise<void> {
    if (this.#refusal !== undefined) return
    const { sink } = this.#channel.ports
    try {
      const routed = sink.route(this.#message)
      if (isPromise(routed)) return this.#awaitRoute(routed)
      return this.#tellHost()
    } catch (error) {
      this.#refuse(error)
    }
  }

  override answer(): void | Promise<void> {
    if (this.#qos === 1) this.#channel.session!.removeUnacknowledged()
    if (this.#refusal !== undefined) return this.#answerRefusal(this.#refusal)
    if (this.#qos > 0) this.#acknowledge()
  }

  #refuse(error: unknown): void {
    this.#refusal = wrapError('ANAX_ERR_STORE', error)
  }

  /** Whichever part of storing failed: the rest may be done. */
  #abandon(error: unknown): void {
    this.#channel.ports.sink.abandon(this.#message)
    this.#refuse(error)
  }

  async #awaitMatch(matched: Promise<readonly MatchedSubscription[]>): Promise<void> {
    try {
      this.#matched = await matched
    } catch (error) {
      this.#refuse(error)
    }
  }

  async #awaitRoute(routed: Promise<void>): Promise<void> {
    try {
      await routed
      await this.#tellHost()
    } catch (error) {
      this.#refuse(error)
    }
  }

  #tellHost(): void | Promise<void> {
    const told = this.#channel.ports.sink.published(this.#message, this.#channel.client)
    if (isPromise(told)) return this.#awaitHost(told)
    this.#refusal = told
  }

  async #awaitHost(told: Promise<AnaxError | undefined>): Promise<void> {
    this.#refusal = await told
  }

  /** @param expiry the Message Expiry Interval that the client gave */
  #decide(verdict: PublishMessage | AnaxError, expiry: number | undefined): void {
    if (verdict instanceof AnaxError) {
      this.#refusal = verdict
      return
    }
    this.#message = verdict
    if (verdict.properties?.messageExpiryInterval === expiry) return
    // the hook gave it another life
    verdict.messageExpiry = undefined
    startExpiry(verdict, this.#channel.ports.timers.wallTime())
  }

  #acknowledge(): void {
    const { dialect } = this.#channel
    // [MQTT 5.0, 3.4.2.1]: 0x10 tells a publisher that nobody was there
    if (this.#message.receivers === 0 && this.#message.queued === 0 && dialect.hasProperties) {
      this.#channel.send(this.#answer(ReasonCode.NoMatchingSubscribers))
    } else {
      this.#channel.write(this.#qos === 1 ? frames.puback : frames.pubrec, this.#packetId!)
    }
  }

  #answerRefusal(refusal: AnaxError): void | Promise<void> {
    const { dialect, ports } = this.#channel
    // the packet id is free before the client can use it again, on this connection or the next
    const freed = this.#qos === 2 ? this.#free() : undefined
    ports.events.emit('publishRefused', refusal, this.#message, this.#channel.client)
    if (dialect.refusedPublish === 'close') this.#channel.fail(refusal)
    else if (this.#qos > 0) {
      this.#channel.send(this.#answer(brokerReasonCode('puback', refusal.reasonCode), explanationOf(refusal)))
    }
    return freed
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

/** A QoS 2 PUBLISH that came again: it waits for its turn and is answered, not published. */
class RepeatedPublish extends Job {
  readonly #channel: Channel
  readonly #packetId: number

  constructor(channel: Channel, packetId: number) {
    super()
    this.#channel = channel
    this.#packetId = packetId
  }

  override answer(): void {
    // where the first one was refused meanwhile, it was answered then
    if (this.#channel.session!.incoming.has(this.#packetId)) this.#channel.write(frames.pubrec, this.#packetId)
  }
}
