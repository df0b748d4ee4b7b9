/** How a hook's refusal becomes an error for the host and an answer for the client. */
import type { ConnectRefusal } from '../../../types/hooks.js'
import type { ConnackProperties } from '../../../types/packets.js'
import { AnaxError, type ErrorCode } from '../../errors.js'

/** The error that the host is told. */
export function refusalError(code: ErrorCode, { reasonCode, reasonString }: ConnectRefusal): AnaxError {
  return new AnaxError(code, {
    ...(reasonCode !== undefined && { reasonCode }),
    ...(reasonString !== undefined && { detail: reasonString }),
  })
}

/** The properties of CONNACK that go with it. */
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
