/** What is attacked: a broker in a process of its own, which measures itself or does not. A contract. */
import type { Measured } from './broker-process.js'

export interface Target {
  readonly port: number
  /** Where it takes WebSockets, if it does. */
  readonly webSocketPort: number | undefined
  /** Begins to measure. */
  begin(): Promise<unknown>
  /** What it measured since. */
  finish(): Promise<Partial<Measured>>
  end(): Promise<unknown>
}
