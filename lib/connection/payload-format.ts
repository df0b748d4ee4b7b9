/** Checks a payload against its Payload Format Indicator [MQTT 5.0, 3.3.2.3.2]. */
import { isUtf8 } from 'node:buffer'
import { AnaxError } from '../errors.js'

/** @returns an error if the indicator says UTF-8 and the payload is not */
export function payloadFormatError(message: {
  payload: Buffer
  properties?: { payloadFormatIndicator?: boolean } | undefined
}): AnaxError | undefined {
  const promised = message.properties?.payloadFormatIndicator === true
  return promised && !isUtf8(message.payload) ? new AnaxError('ANAX_ERR_PAYLOAD_FORMAT') : undefined
}
