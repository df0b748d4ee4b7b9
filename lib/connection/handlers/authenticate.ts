/** AUTH on an established connection: a re-authentication, while other traffic goes on [MQTT 5.0, 4.12.1]. */
import type { ExtendedVerdict } from '../../../types/broker/hooks.js'
import type { AuthPacket } from '../../../types/message/packets.js'
import { AnaxError, textOf } from '../../errors.js'
import { ReasonCode } from '../../reason-codes.js'
import { Timer } from '../../util/scheduling/timers.js'
import type { Channel } from '../channel.js'
import { ExtendedExchange } from '../connect/extended-authentication.js'
import { refusalError, refusalProperties } from '../connect/refusal.js'

/** Handles an AUTH: the first of a re-authentication, or the next. */
export function receiveAuth(channel: Channel, packet: AuthPacket): void {
  const { authenticationMethod } = channel.parameters
  const exchange = channel.reauthentication
  if (authenticationMethod === undefined) {
    // [MQTT-4.12.0-7]
    const detail = 'AUTH although CONNECT had no authentication method'
    channel.fail(new AnaxError('ANAX_ERR_PROTOCOL', { detail }))
  } else if (exchange !== undefined) {
    const error = exchange.receive(packet)
    if (error !== undefined) channel.fail(error)
  } else if (packet.reasonCode !== ReasonCode.ReAuthenticate) {
    channel.fail(new AnaxError('ANAX_ERR_PROTOCOL', { detail: 'AUTH out of turn' }))
  } else if (packet.properties?.authenticationMethod !== authenticationMethod) {
    // [MQTT-4.12.1-1]
    channel.fail(new AnaxError('ANAX_ERR_PROTOCOL', { detail: 'AUTH: the method differs from that of CONNECT' }))
  } else if (channel.ports.authorizer.authenticateExtended === undefined) {
    // the host has unset the hook since CONNECT
    channel.fail(new AnaxError('ANAX_ERR_AUTH_METHOD', { detail: authenticationMethod }))
  } else {
    // either the connection has ended, and this does nothing, or the hook's answer cannot be encoded
    reauthenticate(channel, packet, authenticationMethod).catch(error =>
      channel.fail(new AnaxError('ANAX_ERR_AUTH_FAILED', { detail: textOf(error), cause: error })),
    )
  }
}

async function reauthenticate(channel: Channel, packet: AuthPacket, method: string): Promise<void> {
  const exchange = new ExtendedExchange(channel, method)
  channel.reauthentication = exchange
  const verdict = await inTime(channel, exchange.run(packet, 'reauthenticate'))
  channel.reauthentication = undefined
  if (!channel.connected) return
  if (verdict.result === 'refuse') {
    channel.fail(refusalError('ANAX_ERR_AUTH_FAILED', verdict), refusalProperties(verdict)) // [MQTT-4.12.1-2]
  } else {
    if (verdict.result === 'success' && verdict.limits !== undefined) channel.client.limits = verdict.limits
    channel.send(exchange.packet(ReasonCode.Success, verdict))
  }
}

/** Limits the exchange to `connectTimeout`: a client that does not answer a challenge is no longer authenticated. */
async function inTime(channel: Channel, verdict: Promise<ExtendedVerdict>): Promise<ExtendedVerdict> {
  const { timers, options } = channel.ports
  const timer = new Timer(() => {
    const detail = `the re-authentication was not done within ${options.connectTimeout} ms`
    channel.fail(new AnaxError('ANAX_ERR_AUTH_FAILED', { detail }))
  })
  timers.schedule(timer, options.connectTimeout)
  try {
    return await verdict
  } finally {
    timers.cancel(timer)
  }
}
