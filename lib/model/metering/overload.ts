/**
 * Whether the broker is overloaded, according to the last measurement. Read for each CONNECT and each QoS 0 delivery,
 * set by the brake. Must not know how it is measured.
 */
import type { OverloadCause } from '../../../types/broker/events.js'

export class OverloadState {
  /** Undefined while the broker is not overloaded. */
  cause: OverloadCause | undefined
  /** Milliseconds since the epoch; undefined while the broker is not overloaded. */
  since: number | undefined
  /** The number of times that it was overloaded. */
  times = 0
  /** Mean delay of the event loop in the last reading; 0 if it is not measured. */
  eventLoopDelayMs = 0
  /** Heap and buffers of the process in the last reading. */
  memoryBytes = 0

  get isOn(): boolean {
    return this.cause !== undefined
  }
}
