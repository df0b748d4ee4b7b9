/** Turns a hook's refusal into an error for the host and into properties for the client. Must not know the hook. */
import type { ConnectRefusal } from '../../../types/broker/hooks.js'
import type { ConnackProperties } from '../../../types/message/packets.js'
import { AnaxError, type ErrorCode } from '../../errors.js'

/** The error for the host's event. */
export function refusalError(code: ErrorCode, { reasonCode, reasonString }: ConnectRefusal): AnaxError {
  return new AnaxError(code, {
    ...(reasonCode !== undefined && { reasonCode }),
    ...(reasonString !== undefined && { detail: reasonString }),
  })
}

/** The properties of the CONNACK or DISCONNECT for the client. */
export function refusalProperties({
  reasonString,
  serverReference,
  userProperties,
}: ConnectRefusal): ConnackProperties {
  return {
    ...(reasonString !== undefined && { reasonString }),
    ...(serverReference !== undefined && { serverReference }),
    ...(userProperties !== undefined && { userProperties }),
  }
}
