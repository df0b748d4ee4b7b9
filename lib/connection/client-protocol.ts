/**
 * The protocol of one client: its version, the parameters from CONNECT, and topic aliases in both directions. Owns that
 * packets are encoded as the client accepts them. Must not know the stream, nor the state of the connection.
 */
import type { Packet, ProtocolVersion } from '../../types/message/packets.js'
import { type Dialect, dialectOf } from '../codec/dialect.js'
import { frames } from '../codec/encode/encoder.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { InboundTopicAliases } from '../codec/topic-alias.js'
import type { Frame } from '../codec/wire/frame.js'
import type { AnaxError } from '../errors.js'
import type { Delivery } from '../model/delivery.js'
import type { Unsendable } from '../session/outgoing/link.js'
import { type ConnectParameters, INITIAL_PARAMETERS } from './connect/connect-parameters.js'
import type { ConnectionPorts } from './connection-ports.js'
import { PacketEncoder } from './stream/packet-encoder.js'

export class ClientProtocol {
  readonly #ports: ConnectionPorts
  #dialect: Dialect = dialectOf(4)
  #hasVersion = false
  #parameters = INITIAL_PARAMETERS
  /** Uses the version and the parameters known so far; created with the first sent packet. */
  #encoder: PacketEncoder | undefined
  #aliases: InboundTopicAliases | undefined

  constructor(ports: ConnectionPorts) {
    this.#ports = ports
  }

  get dialect(): Dialect {
    return this.#dialect
  }
  /** Undefined until CONNECT arrives. */
  get version(): ProtocolVersion | undefined {
    return this.#hasVersion ? this.#dialect.version : undefined
  }
  get parameters(): ConnectParameters {
    return this.#parameters
  }

  /** Called when the decoder has found the version in CONNECT. */
  setVersion(version: ProtocolVersion): void {
    this.#hasVersion = true
    this.#dialect = dialectOf(version)
    this.#encoder = undefined
  }

  setParameters(parameters: ConnectParameters): void {
    this.#parameters = parameters
    this.#encoder = undefined
  }

  /**
   * Called when CONNECT is answered.
   * @param parameters those that are needed from now on; packets are encoded as before
   */
  keepParameters(parameters: ConnectParameters): void {
    this.#parameters = parameters
  }

  /** Replaces a topic alias by its topic. @returns why there is no such alias */
  resolveTopicAlias(message: PublishMessage): AnaxError | undefined {
    this.#aliases ??= new InboundTopicAliases(this.#ports.options.topicAliasMaximum)
    return this.#aliases.resolve(message)
  }

  /** Encodes any packet except PUBLISH; undefined if it is too large for the client. */
  packet(packet: Packet): Frame | undefined {
    if (packet.cmd !== 'connack' || packet.returnCode !== 0) return this.#encoding().packet(packet)
    return packet.sessionPresent ? frames.connackPresent : frames.connack
  }

  publish(delivery: Delivery, attempt: 'first' | 'again'): Frame | Unsendable {
    return this.#encoding().publish(delivery, attempt, this.#ports.timers)
  }

  #encoding(): PacketEncoder {
    this.#encoder ??= new PacketEncoder(this.#dialect, this.#parameters, this.#ports.options)
    return this.#encoder
  }
}
