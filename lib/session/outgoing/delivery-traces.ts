/**
 * The traced deliveries of one connection, until they are acknowledged. Created when the first one is traced. Must not
 * know what is sent.
 */
import type { DeliveryTrace } from '../../../types/broker/diagnostics.js'
import { deliveries } from '../../model/metering/trace-points.js'

export class DeliveryTraces {
  readonly #unacknowledged = new Map<number, DeliveryTrace>()

  sent(trace: DeliveryTrace): void {
    deliveries.begin(trace)
    if (trace.qos === 0) this.#end(trace, 'sent')
    else this.#unacknowledged.set(trace.packetId, trace)
  }

  acknowledged(packetId: number): void {
    const trace = this.#unacknowledged.get(packetId)
    if (trace !== undefined) this.#end(trace, 'acknowledged')
  }

  /** Ends all traces, because the connection has ended. */
  close(): void {
    for (const trace of [...this.#unacknowledged.values()]) this.#end(trace, 'unacknowledged')
  }

  #end(trace: DeliveryTrace, outcome: DeliveryTrace['outcome']): void {
    this.#unacknowledged.delete(trace.packetId)
    trace.outcome = outcome
    deliveries.end(trace)
  }
}
