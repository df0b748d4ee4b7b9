/** DISCONNECT from a client: settles the will and the session's expiry, and ends the connection in its turn. */
import type { DisconnectPacket } from '../../../types/packets.js'
import { AnaxError } from '../../errors.js'
import { ReasonCode } from '../../reason-codes.js'
import type { Ending } from '../../session/ports.js'
import { Job } from '../../util/pipeline.js'
import type { Connection } from '../connection.js'

/** Handles a DISCONNECT: after everything that was received before it. */
export function receiveDisconnect(connection: Connection, packet: DisconnectPacket): void {
  const session = connection.session!
  const expiry = packet.properties?.sessionExpiryInterval
  if (expiry !== undefined && expiry > 0 && session.expiryInterval === 0) {
    // [MQTT-3.14.2-2]: and a DISCONNECT that is not valid keeps the will due
    const detail = 'DISCONNECT: a session expiry interval where CONNECT had none'
    connection.fail(new AnaxError('ANAX_ERR_PROTOCOL', { detail }))
    return
  }
  // [MQTT-3.14.4-3]: only a normal disconnection takes the will away
  const { reasonCode = ReasonCode.NormalDisconnection } = packet
  const ending = {
    will: reasonCode === ReasonCode.NormalDisconnection ? 'discard' : 'publish',
    reason: undefined,
  } as const
  connection.depart(ending)
  if (expiry !== undefined) session.expiryInterval = Math.min(expiry, connection.ports.options.maxSessionExpiry)
  connection.ingress.run(new Disconnect(connection, ending))
}

class Disconnect extends Job {
  readonly #connection: Connection
  readonly #ending: Ending

  constructor(connection: Connection, ending: Ending) {
    super()
    this.#connection = connection
    this.#ending = ending
  }

  override answer(): void {
    this.#connection.end(this.#ending)
  }
}
