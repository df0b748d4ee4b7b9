/**
 * The trace of a message, which its publisher wrote into user properties (W3C Trace Context). Owns the syntax; invalid
 * values are ignored.
 */
import type { SpanContext } from '@opentelemetry/api'
import type { UserProperties } from '../../types/message/packets.js'
import type { Api } from './api.js'

/** Version, trace, span, flags. Later versions may have more fields after another `-`. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** The context in `traceparent` and `tracestate`; undefined if it is missing or invalid. */
export function remoteContext(api: Api, properties: UserProperties | undefined): SpanContext | undefined {
  const [, version, traceId = '', spanId = '', flags = '', more] =
    TRACEPARENT.exec(only(properties?.traceparent) ?? '') ?? []
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined
  const state = only(properties?.tracestate)
  const context: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & api.TraceFlags.SAMPLED,
    isRemote: true,
    ...(state !== undefined && { traceState: api.createTraceState(state) }),
  }
  return api.isSpanContextValid(context) ? context : undefined
}

/** A property that occurs more than once is ignored. */
function only(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
