/** The diagnostics channels of a broker. Owns their names; docs/run/tracing.md explains them. */
import type { DeliveryTrace, GateTrace, PublishTrace, StoreTrace } from '../../../types/broker/diagnostics.js'
import { TracePoint } from '../../util/trace-point.js'

export const gates = new TracePoint<GateTrace>('anax:gate')
export const publishes = new TracePoint<PublishTrace>('anax:publish')
export const stores = new TracePoint<StoreTrace>('anax:store')
export const deliveries = new TracePoint<DeliveryTrace>('anax:delivery')
