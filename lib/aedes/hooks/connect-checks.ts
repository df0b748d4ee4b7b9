/** The checks of Aedes after `preConnect` has accepted a client. Owns the checks; must not know the broker. */
import type { ConnectRefusal, RefusalError } from '../../../types/broker/hooks.js'
import type { ConnectPacket } from '../../../types/message/packets.js'
import { ReasonCode } from '../../index.js'

/** A keep alive of 0 means none; with a limit it is refused. */
const NO_KEEP_ALIVE = 0

const MQTT_3_1 = 3
const MQTT_5 = 5

/** What is accepted. */
export interface ConnectLimits {
  readonly maxClientsIdLength: number
  readonly keepaliveLimit: number
  /** Whether there is a hook for authentication methods of MQTT 5.0. */
  readonly hasMethods: boolean
}

/** @returns why the client is refused */
export function connectError(packet: ConnectPacket, limits: ConnectLimits): RefusalError | undefined {
  const { clientId, protocolVersion, keepalive } = packet
  const { maxClientsIdLength, keepaliveLimit, hasMethods } = limits
  if (protocolVersion === MQTT_3_1 && clientId.length > maxClientsIdLength) {
    return refusal({ returnCode: 2 }, 'identifier rejected')
  }
  const isOver = keepaliveLimit > 0 && (keepalive === NO_KEEP_ALIVE || keepalive > keepaliveLimit)
  // an MQTT 5.0 client learns the limit in CONNACK
  if (isOver && protocolVersion !== MQTT_5) return refusal({ returnCode: 5 }, 'keep alive limit exceeded')
  const method = packet.properties?.authenticationMethod
  if (method === undefined || hasMethods) return undefined
  const { BadAuthenticationMethod: reasonCode } = ReasonCode
  return refusal({ reasonCode }, `authentication method ${method} is not supported`)
}

function refusal(answer: ConnectRefusal, message: string): RefusalError {
  return Object.assign(new Error(message), answer)
}
