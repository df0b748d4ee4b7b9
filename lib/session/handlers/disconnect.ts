/** DISCONNECT from a client: ends the connection in its turn, and settles the will and the session's expiry. */
import type { DisconnectPacket } from '../../../types/packets.js'
import { AnaxError } from '../../errors.js'
import { ReasonCode } from '../../reason-codes.js'
import type { Connection } from '../connection.js'
import { Job } from '../ingress.js'

/** Handles a DISCONNECT: after everything that was received before it. */
export function receiveDisconnect(connection: Connection, packet: DisconnectPacket): void {
  const expiry = packet.properties?.sessionExpiryInterval
  if (expiry !== undefined && expiry > 0 && connection.session!.expiryInterval === 0) {
    // [MQTT-3.14.2-2]: and a DISCONNECT that is not valid keeps the will due
    const detail = 'DISCONNECT: a session expiry interval where CONNECT had none'
    connection.fail(new AnaxError('ANAX_ERR_PROTOCOL', { detail }))
    return
  }
  connection.quiesce()
  connection.ingress.run(new Disconnect(connection, packet))
}

class Disconnect extends Job {
  readonly #connection: Connection
  readonly #packet: DisconnectPacket

  constructor(connection: Connection, packet: DisconnectPacket) {
    super()
    this.#connection = connection
    this.#packet = packet
  }

  override answer(): void {
    const { session, ports } = this.#connection
    const { reasonCode = ReasonCode.NormalDisconnection, properties } = this.#packet
    const expiry = properties?.sessionExpiryInterval
    if (expiry !== undefined) session!.expiryInterval = Math.min(expiry, ports.options.maxSessionExpiry)
    // [MQTT-3.14.4-3]: only a normal disconnection takes the will away
    const will = reasonCode === ReasonCode.NormalDisconnection ? 'discard' : 'publish'
    this.#connection.end({ will, reason: undefined })
  }
}
