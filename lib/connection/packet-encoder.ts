/**
 * Encodes what goes to one client, within what it accepts: its version, its Maximum Packet Size, its topic aliases,
 * and whether it wants explanations. Must not know why a packet is sent.
 */
import type { Packet } from '../../types/packets.js'
import type { Dialect } from '../codec/dialect.js'
import { encode, publishFrame } from '../codec/encode/encoder.js'
import { OutboundTopicAliases } from '../codec/topic-alias.js'
import { Frame } from '../codec/wire/frame.js'
import type { Delivery } from '../model/delivery.js'
import { secondsLeft } from '../model/message.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'
import type { Timers } from '../util/timers.js'
import type { Terms } from './connect-terms.js'

/** Packets that may explain themselves although the client asked for no problem information [MQTT-3.1.2-29]. */
const ALWAYS_EXPLAINED: ReadonlySet<string> = new Set(['connack', 'disconnect', 'publish'])

/** Why a message cannot be sent to a client. */
export type Unsendable = 'packet-too-large' | 'not-encodable'

export class PacketEncoder {
  readonly #dialect: Dialect
  readonly #terms: Terms
  readonly #aliases: OutboundTopicAliases | undefined

  constructor(dialect: Dialect, terms: Terms, { maxOutboundTopicAliases }: ResolvedOptions) {
    this.#dialect = dialect
    this.#terms = terms
    const aliases = Math.min(terms.topicAliasMaximum, maxOutboundTopicAliases)
    if (aliases > 0) this.#aliases = new OutboundTopicAliases(aliases)
  }

  /** Any packet but a PUBLISH; undefined where even without explanations it is too large [MQTT-3.1.2-24]. */
  packet(packet: Packet): Frame | undefined {
    const { maximumPacketSize, problemInformation } = this.#terms
    const { version } = this.#dialect
    const wanted = problemInformation || ALWAYS_EXPLAINED.has(packet.cmd) ? packet : withoutExplanation(packet)
    let bytes = tryEncode(wanted, version)
    if (bytes === undefined || bytes.length > maximumPacketSize) {
      const short = withoutExplanation(packet)
      bytes = tryEncode(short, version) ?? encode(withoutReference(short), version)
    }
    return bytes.length > maximumPacketSize ? undefined : Frame.of(bytes)
  }

  /** A message, or why it cannot be sent: too large for the client [MQTT-3.1.2-25], or made unfit by a hook. */
  publish(delivery: Delivery, attempt: 'first' | 'again', timers: Timers): Frame | Unsendable {
    const { message } = delivery
    const { hasProperties } = this.#dialect
    const expiryInterval = hasProperties ? secondsLeft(message, timers) : undefined
    try {
      const frame =
        attempt === 'first' && this.#aliases === undefined
          ? delivery.frame(this.#dialect, expiryInterval)
          : this.#ownFrame(delivery, attempt, expiryInterval)
      return frame.length > this.#terms.maximumPacketSize ? 'packet-too-large' : frame
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
      if (state === 'known' || frame.length <= this.#terms.maximumPacketSize) return frame
    } catch (error) {
      if (state === 'new') this.#aliases!.takeBack(message.topic)
      throw error
    }
    // a packet that is not sent defines no alias, and it may fit without one
    this.#aliases!.takeBack(message.topic)
    return publishFrame(message, version, options)
  }
}

/** Undefined where the explanation is one that MQTT cannot carry: the host's hooks may say anything. */
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
