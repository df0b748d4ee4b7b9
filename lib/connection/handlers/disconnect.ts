/** DISCONNECT from a client: decides about the will and the session's expiry, and ends the connection in order. */
import type { DisconnectPacket } from '../../../types/message/packets.js'
import { AnaxError } from '../../errors.js'
import { ReasonCode } from '../../reason-codes.js'
import type { Ending } from '../../session/session-directory.js'
import { Job } from '../../util/scheduling/pipeline.js'
import type { Channel } from '../channel.js'

/** Handles a DISCONNECT. The connection ends when all packets received before it are finished. */
export function receiveDisconnect(channel: Channel, packet: DisconnectPacket): void {
  const session = channel.session!
  const expiry = packet.properties?.sessionExpiryInterval
  if (expiry !== undefined && expiry > 0 && channel.parameters.requestedExpiry === 0) {
    // [MQTT 5.0, 3.14.2.2.2]: the DISCONNECT is not valid, so the will is published
    const detail = 'DISCONNECT: a session expiry interval where CONNECT had none'
    channel.fail(new AnaxError('ANAX_ERR_PROTOCOL', { detail }))
    return
  }
  // [MQTT-3.14.4-3]: only a normal disconnection deletes the will
  const { reasonCode = ReasonCode.NormalDisconnection } = packet
  const ending = {
    will: reasonCode === ReasonCode.NormalDisconnection ? 'discard' : 'publish',
    reason: undefined,
    reasonCode,
  } as const
  channel.disconnectReceived(ending)
  if (expiry !== undefined) session.changeExpiry(Math.min(expiry, channel.ports.options.maxSessionExpiry))
  channel.ingress.run(new Disconnect(channel, ending))
}

class Disconnect extends Job {
  readonly #channel: Channel
  readonly #ending: Ending

  constructor(channel: Channel, ending: Ending) {
    super()
    this.#channel = channel
    this.#ending = ending
  }

  override answer(): void {
    this.#channel.end(this.#ending)
  }
}
