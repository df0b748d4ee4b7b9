/**
 * Encodes packets for one client, as it accepts them: in its version, within its Maximum Packet Size, with topic
 * aliases and explanations if it wants them. Must not know why a packet is sent.
 */
import type { Packet } from '../../../types/message/packets.js'
import type { Dialect } from '../../codec/dialect.js'
import { encode, publishFrame } from '../../codec/encode/encoder.js'
import { OutboundTopicAliases } from '../../codec/topic-alias.js'
import { Frame } from '../../codec/wire/frame.js'
import type { Delivery } from '../../model/delivery.js'
import { secondsLeft } from '../../model/message.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import type { Unsendable } from '../../session/outgoing/link.js'
import type { Timers } from '../../util/scheduling/timers.js'
import type { ConnectParameters } from '../connect/connect-parameters.js'

/** Packets that may have explanations even if the client requested no problem information [MQTT-3.1.2-29]. */
const ALWAYS_EXPLAINED: ReadonlySet<string> = new Set(['connack', 'disconnect', 'publish'])

export class PacketEncoder {
  readonly #dialect: Dialect
  /** Only this one, because other parameters are large and should not be retained. */
  readonly #maximumPacketSize: number
  readonly #problemInformation: boolean
  readonly #aliases: OutboundTopicAliases | undefined

  constructor(dialect: Dialect, parameters: ConnectParameters, { maxOutboundTopicAliases }: ResolvedOptions) {
    this.#dialect = dialect
    this.#maximumPacketSize = parameters.maximumPacketSize
    this.#problemInformation = parameters.problemInformation
    const aliases = Math.min(parameters.topicAliasMaximum, maxOutboundTopicAliases)
    if (aliases > 0) this.#aliases = new OutboundTopicAliases(aliases)
  }

  /** Encodes any packet except PUBLISH; undefined if it is too large even without explanations [MQTT-3.1.2-24]. */
  packet(packet: Packet): Frame | undefined {
    const maximumPacketSize = this.#maximumPacketSize
    const { version } = this.#dialect
    const wanted = this.#problemInformation || ALWAYS_EXPLAINED.has(packet.cmd) ? packet : withoutExplanation(packet)
    let bytes = tryEncode(wanted, version)
    if (bytes === undefined || bytes.length > maximumPacketSize) {
      const short = withoutExplanation(packet)
      bytes = tryEncode(short, version) ?? encode(withoutReference(short), version)
    }
    return bytes.length > maximumPacketSize ? undefined : Frame.of(bytes)
  }

  /**
   * Encodes a message, or returns why it cannot be sent: too large for the client [MQTT-3.1.2-25], or a hook made it
   * invalid.
   */
  publish(delivery: Delivery, attempt: 'first' | 'again', timers: Timers): Frame | Unsendable {
    const { message } = delivery
    const { hasProperties } = this.#dialect
    const expiryInterval = hasProperties ? secondsLeft(message, timers) : undefined
    try {
      const frame =
        attempt === 'first' && this.#aliases === undefined
          ? delivery.frame(this.#dialect, expiryInterval)
          : this.#ownFrame(delivery, attempt, expiryInterval)
      return frame.length > this.#maximumPacketSize ? 'packet-too-large' : frame
    } catch {
      return 'not-encodable'
    }
  }

  #ownFrame(delivery: Delivery, attempt: 'first' | 'again', messageExpiryInterval: number | undefined): Frame {
    const { message, qos, retain, subscriptionIdentifiers } = delivery
    const { version } = this.#dialect
    const options = { qos, retain, dup: attempt === 'again', subscriptionIdentifiers, messageExpiryInterval } // [MQTT-3.3.1-1]
    const alias = this.#aliases?.assign(message.topic)
    if (alias === undefined) return publishFrame(message, version, options)
    const { alias: topicAlias, state } = alias
    try {
      const frame = publishFrame(message, version, { ...options, topicAlias, omitTopic: state === 'known' })
      if (state === 'known' || frame.length <= this.#maximumPacketSize) return frame
    } catch (error) {
      if (state === 'new') this.#aliases!.takeBack(message.topic)
      throw error
    }
    // a packet that is not sent must not define an alias; without one it may fit
    this.#aliases!.takeBack(message.topic)
    return publishFrame(message, version, options)
  }
}

/** Undefined if MQTT cannot carry the explanation: it comes from the host's hooks. */
function tryEncode(packet: Packet, version: Dialect['version']): Buffer | undefined {
  try {
    return encode(packet, version)
  } catch {
    return undefined
  }
}

function withoutExplanation(packet: Packet): Packet {
  if (!('properties' in packet) || packet.properties === undefined) return packet
  const { reasonString: _reason, userProperties: _user, ...properties } = packet.properties as Record<string, unknown>
  return { ...packet, properties } as Packet
}

function withoutReference(packet: Packet): Packet {
  if (!('properties' in packet) || packet.properties === undefined) return packet
  const { serverReference: _server, ...properties } = packet.properties as Record<string, unknown>
  return { ...packet, properties } as Packet
}
