/**
 * The client's acknowledgements: PUBACK, PUBREC and PUBCOMP for messages it was sent, PUBREL for messages it sent.
 * Owns the answers; the state of each exchange belongs to the transmitter and to the session.
 */
import type { PubackPacket, PubcompPacket, PubrecPacket, PubrelPacket } from '../../../types/message/packets.js'
import { frames } from '../../codec/encode/encoder.js'
import { AnaxError, wrapError } from '../../errors.js'
import { ReasonCode } from '../../reason-codes.js'
import { isPromise } from '../../util/maybe-promise.js'
import { Job } from '../../util/scheduling/pipeline.js'
import type { Channel } from '../channel.js'

export function receivePuback(channel: Channel, packet: PubackPacket): void {
  finish(channel, packet)
}

export function receivePubcomp(channel: Channel, packet: PubcompPacket): void {
  finish(channel, packet)
}

function finish(channel: Channel, packet: PubackPacket | PubcompPacket): void {
  const { transmitter, pump } = channel.session!.outgoing!
  const awaited = transmitter.awaited(packet.messageId)
  // an unknown packet id belongs to an earlier connection: that message is finished
  if (awaited === undefined) return
  const sent = transmitter.acknowledged(packet.messageId, packet.cmd, packet.reasonCode ?? ReasonCode.Success)
  if (sent === undefined) {
    channel.fail(outOfOrder(packet, awaited))
    return
  }
  if (channel.ports.events.has('ack')) {
    const acknowledged = sent.message ?? { cmd: 'pubrel' as const, messageId: packet.messageId }
    channel.ports.events.emit('ack', acknowledged, channel.client)
  }
  pump()
}

export function receivePubrec(channel: Channel, packet: PubrecPacket): void {
  const { transmitter, pump } = channel.session!.outgoing!
  const { messageId, reasonCode = ReasonCode.Success } = packet
  const awaited = transmitter.awaited(messageId)
  if (awaited === 'puback') {
    channel.fail(outOfOrder(packet, awaited))
  } else if (awaited === undefined) {
    // an error code ends the exchange: no PUBREL follows
    if (reasonCode < ReasonCode.UnspecifiedError) answerUnknown(channel, messageId)
  } else {
    transmitter.pubrecReceived(messageId, reasonCode)
    pump()
  }
}

/** Answers a PUBREC for an unknown packet id with PUBREL, so that the client can finish [MQTT-4.3.3-4]. */
function answerUnknown(channel: Channel, messageId: number): void {
  if (channel.dialect.hasProperties) {
    channel.send({ cmd: 'pubrel', messageId, reasonCode: ReasonCode.PacketIdentifierNotFound })
  } else {
    channel.write(frames.pubrel, messageId)
  }
}

export function receivePubrel(channel: Channel, { messageId }: PubrelPacket): void {
  channel.ingress.run(new Release(channel, messageId))
}

function outOfOrder({ cmd, messageId }: { cmd: string; messageId: number }, awaited: string): AnaxError {
  const detail = `${cmd.toUpperCase()} for packet id ${messageId}, which awaits ${awaited.toUpperCase()}`
  return new AnaxError('ANAX_ERR_PROTOCOL', { detail })
}

/** A PUBREL in the pipeline, so that it follows the PUBLISH that it releases. */
class Release extends Job {
  readonly #channel: Channel
  readonly #packetId: number
  #known = false

  constructor(channel: Channel, packetId: number) {
    super()
    this.#channel = channel
    this.#packetId = packetId
  }

  override route(): void | Promise<void> {
    const session = this.#channel.session!
    this.#known = session.incoming.has(this.#packetId)
    if (!this.#known) return
    try {
      const released = session.release(this.#packetId)
      if (isPromise(released)) return released.catch(this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }

  /** [MQTT-4.3.3-11]: PUBCOMP is sent whether the packet id is known or not. */
  override answer(): void {
    if (this.#known || !this.#channel.dialect.hasProperties) {
      this.#channel.write(frames.pubcomp, this.#packetId)
    } else {
      const reasonCode = ReasonCode.PacketIdentifierNotFound
      this.#channel.send({ cmd: 'pubcomp', messageId: this.#packetId, reasonCode })
    }
  }

  readonly #failed = (error: unknown): void => {
    this.#channel.fail(wrapError('ANAX_ERR_STORE', error))
  }
}
