/**
 * PUBLISH from a client: checks it and runs it through the pipeline, or answers a repeated one. Owns the inbound half
 * of QoS 1 and 2; must not know who receives the message.
 */
import { frames } from '../../codec/encode/encoder.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import { AnaxError } from '../../errors.js'
import { startExpiry } from '../../model/message.js'
import type { Timings } from '../../model/metering/timings.js'
import { Job } from '../../util/scheduling/pipeline.js'
import { setImmediate } from '../../util/scheduling/set-immediate.js'
import type { Channel } from '../channel.js'
import { ClientPublish } from './client-publish.js'

/** Handles a PUBLISH. */
export function receivePublish(channel: Channel, message: PublishMessage): void {
  const fault = faultOf(channel, message)
  if (fault !== undefined) {
    channel.fail(fault)
    return
  }
  const session = channel.session!
  const { qos, messageId } = message
  // [MQTT-4.3.3-10]: the same packet id before its release means the same message.
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
  message.username = channel.client.principal
  if (message.properties !== undefined) startExpiry(message, channel.ports.timers.wallTime())
  const { timings } = channel.ports
  const done = timings.isOn && timings.messages.isDue ? timed(timings) : undefined
  channel.ingress.run(new ClientPublish(channel, message, done))
}

/** @returns a function to call when the message is routed, which is before it is written */
function timed(timings: Timings): (refusal: AnaxError | undefined) => void {
  const begun = performance.now()
  return refusal => {
    // after the writes of this turn
    if (refusal === undefined) setImmediate(() => timings.took('message', performance.now() - begun))
  }
}

/** The error of a packet that the client must not send, regardless of hooks. */
function faultOf(channel: Channel, message: PublishMessage): AnaxError | undefined {
  const limits = channel.session!.clientLimits
  if (message.properties !== undefined) {
    const { topicAlias } = message.properties
    if (topicAlias !== undefined) {
      const error = channel.resolveTopicAlias(message)
      if (error !== undefined) return error
    }
  }
  if (message.qos > limits.maximumQoS) {
    return new AnaxError('ANAX_ERR_QOS_NOT_SUPPORTED', { detail: `PUBLISH with QoS ${message.qos}` }) // [MQTT-3.2.2-11]
  }
  if (message.retain && !limits.retainAvailable) return new AnaxError('ANAX_ERR_RETAIN_NOT_SUPPORTED') // [MQTT-3.2.2-14]
  return undefined
}

/** The error if the client exceeds the Receive Maximum [MQTT-3.3.4-8], or before 5.0 `maxInflightInbound`. */
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

/** A repeated QoS 2 PUBLISH: it is answered in order, and not published. */
class RepeatedPublish extends Job {
  readonly #channel: Channel
  readonly #packetId: number

  constructor(channel: Channel, packetId: number) {
    super()
    this.#channel = channel
    this.#packetId = packetId
  }

  override answer(): void {
    // If the first one was refused meanwhile, it was already answered.
    if (this.#channel.session!.incoming.has(this.#packetId)) this.#channel.write(frames.pubrec, this.#packetId)
  }
}
