/** Asks the option `responseInformation` for the text that one client gets [MQTT-3.2.2.3.14]. A failure means none. */
import type { Client } from '../../../types/client/client.js'
import { AnaxError } from '../../errors.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'

export function responseInformation(client: Client, options: ResolvedOptions, events: EventSink): string | undefined {
  const { responseInformation: given } = options
  if (typeof given !== 'function') return given
  try {
    return given(client)
  } catch (cause) {
    const error = new AnaxError('ANAX_ERR_HOOK_FAILED', { detail: 'responseInformation', cause })
    events.emit('hookError', error, 'responseInformation', client)
    return undefined
  }
}
