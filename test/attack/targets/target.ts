/** What is attacked: a broker in a process of its own, which measures itself or does not. A contract. */
import type { Measured } from './broker-process.js'

/** Where it listens, by transport. */
export interface Ports {
  readonly tcp: number
  readonly ws?: number
  readonly tls?: number
  readonly wss?: number
  /** A server of the application that hands its sockets over. */
  readonly nodeTls?: number
}

export interface Target {
  readonly ports: Ports
  /** Begins to measure. */
  begin(): Promise<unknown>
  /** What it measured since. */
  finish(): Promise<Partial<Measured>>
  end(): Promise<unknown>
}
