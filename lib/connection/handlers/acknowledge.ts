/**
 * The client's side of the handshakes: PUBACK, PUBREC and PUBCOMP for what it was sent, PUBREL for what it sent.
 * Owns the answers; the state is with the sender and the session.
 */
import type { PubackPacket, PubcompPacket, PubrecPacket, PubrelPacket } from '../../../types/packets.js'
import { frames } from '../../codec/encode/encoder.js'
import { AnaxError, wrapError } from '../../errors.js'
import { ReasonCode } from '../../reason-codes.js'
import { isPromise } from '../../util/maybe-promise.js'
import { Job } from '../../util/pipeline.js'
import type { Connection } from '../connection.js'

export function receivePuback(connection: Connection, packet: PubackPacket): void {
  finish(connection, packet)
}

export function receivePubcomp(connection: Connection, packet: PubcompPacket): void {
  finish(connection, packet)
}

function finish(connection: Connection, packet: PubackPacket | PubcompPacket): void {
  const { sender, pump } = connection.session!.outgoing!
  const awaited = sender.awaited(packet.messageId)
  // one that is not known belongs to an earlier connection and says nothing new
  if (awaited === undefined) return
  const sent = sender.finished(packet.messageId, packet.cmd)
  if (sent === undefined) {
    connection.fail(outOfOrder(packet, awaited))
    return
  }
  if (connection.ports.events.has('ack')) {
    const acknowledged = sent.message ?? { cmd: 'pubrel' as const, messageId: packet.messageId }
    connection.ports.events.emit('ack', acknowledged, connection)
  }
  pump()
}

export function receivePubrec(connection: Connection, packet: PubrecPacket): void {
  const { sender, pump } = connection.session!.outgoing!
  const { messageId, reasonCode = ReasonCode.Success } = packet
  const awaited = sender.awaited(messageId)
  if (awaited === 'puback') {
    connection.fail(outOfOrder(packet, awaited))
  } else if (awaited === undefined) {
    // a refusal ends the exchange: there is nothing to release
    if (reasonCode < ReasonCode.UnspecifiedError) answerUnknown(connection, messageId)
  } else {
    sender.received(messageId, reasonCode)
    pump()
  }
}

/** A PUBREC that nobody waits for: released all the same, so that the client can finish [MQTT-4.3.3-4]. */
function answerUnknown(connection: Connection, messageId: number): void {
  if (connection.dialect.hasProperties) {
    connection.send({ cmd: 'pubrel', messageId, reasonCode: ReasonCode.PacketIdentifierNotFound })
  } else {
    connection.write(frames.pubrel, messageId)
  }
}

export function receivePubrel(connection: Connection, { messageId }: PubrelPacket): void {
  connection.ingress.run(new Release(connection, messageId))
}

function outOfOrder({ cmd, messageId }: { cmd: string; messageId: number }, awaited: string): AnaxError {
  const detail = `${cmd.toUpperCase()} for packet id ${messageId}, which awaits ${awaited.toUpperCase()}`
  return new AnaxError('ANAX_ERR_PROTOCOL', { detail })
}

/** A PUBREL, behind the PUBLISH that it releases. */
class Release extends Job {
  readonly #connection: Connection
  readonly #packetId: number
  #known = false

  constructor(connection: Connection, packetId: number) {
    super()
    this.#connection = connection
    this.#packetId = packetId
  }

  override route(): void | Promise<void> {
    const session = this.#connection.session!
    this.#known = session.incoming.has(this.#packetId)
    if (!this.#known) return
    try {
      const released = session.release(this.#packetId)
      if (isPromise(released)) return released.catch(this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }

  /** [MQTT-4.3.3-11]: PUBCOMP comes whether the packet id is known or not. */
  override answer(): void {
    if (this.#known || !this.#connection.dialect.hasProperties) {
      this.#connection.write(frames.pubcomp, this.#packetId)
    } else {
      const reasonCode = ReasonCode.PacketIdentifierNotFound
      this.#connection.send({ cmd: 'pubcomp', messageId: this.#packetId, reasonCode })
    }
  }

  readonly #failed = (error: unknown): void => {
    this.#connection.fail(wrapError('ANAX_ERR_STORE', error))
  }
}
