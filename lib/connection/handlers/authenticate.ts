/** AUTH on an established connection: a re-authentication, while other traffic goes on [MQTT 5.0, 4.12.1]. */
import type { ExtendedVerdict } from '../../../types/hooks.js'
import type { AuthPacket } from '../../../types/packets.js'
import { AnaxError, textOf } from '../../errors.js'
import { ReasonCode } from '../../reason-codes.js'
import { Timer } from '../../util/timers.js'
import type { Connection } from '../connection.js'
import { ExtendedExchange } from '../extended-authentication.js'
import { refusalError, refusalProperties } from '../refusal.js'

/** Handles an AUTH: the first of a re-authentication, or the next. */
export function receiveAuth(connection: Connection, packet: AuthPacket): void {
  const { authenticationMethod } = connection.terms
  const exchange = connection.reauthentication
  if (authenticationMethod === undefined) {
    // [MQTT-4.12.0-7]
    const detail = 'AUTH although CONNECT had no authentication method'
    connection.fail(new AnaxError('ANAX_ERR_PROTOCOL', { detail }))
  } else if (exchange !== undefined) {
    const error = exchange.receive(packet)
    if (error !== undefined) connection.fail(error)
  } else if (packet.reasonCode !== ReasonCode.ReAuthenticate) {
    connection.fail(new AnaxError('ANAX_ERR_PROTOCOL', { detail: 'AUTH out of turn' }))
  } else if (packet.properties?.authenticationMethod !== authenticationMethod) {
    // [MQTT-4.12.1-1]
    connection.fail(new AnaxError('ANAX_ERR_PROTOCOL', { detail: 'AUTH: another method than in CONNECT' }))
  } else if (connection.ports.authorizer.authenticateExtended === undefined) {
    // the host took the hook away: nobody is left to ask
    connection.fail(new AnaxError('ANAX_ERR_AUTH_METHOD', { detail: authenticationMethod }))
  } else {
    // where the connection is over nothing is left to say; otherwise the hook answered what no packet can carry
    reauthenticate(connection, packet, authenticationMethod).catch(error =>
      connection.fail(new AnaxError('ANAX_ERR_AUTH_FAILED', { detail: textOf(error), cause: error })),
    )
  }
}

async function reauthenticate(connection: Connection, packet: AuthPacket, method: string): Promise<void> {
  const exchange = new ExtendedExchange(connection, method)
  connection.reauthentication = exchange
  const verdict = await inTime(connection, exchange.run(packet, 'reauthenticate'))
  connection.reauthentication = undefined
  if (!connection.connected) return
  if (verdict.result === 'refuse') {
    connection.fail(refusalError('ANAX_ERR_AUTH_FAILED', verdict), refusalProperties(verdict)) // [MQTT-4.12.1-2]
  } else {
    connection.send(exchange.packet(ReasonCode.Success, verdict))
  }
}

/** It may take as long as connecting may: who leaves a challenge unanswered has not proved that it is still who it was. */
async function inTime(connection: Connection, verdict: Promise<ExtendedVerdict>): Promise<ExtendedVerdict> {
  const { timers, options } = connection.ports
  const timer = new Timer(() => {
    const detail = `the re-authentication was not done within ${options.connectTimeout} ms`
    connection.fail(new AnaxError('ANAX_ERR_AUTH_FAILED', { detail }))
  })
  timers.schedule(timer, options.connectTimeout)
  try {
    return await verdict
  } finally {
    timers.cancel(timer)
  }
}
