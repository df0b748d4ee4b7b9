/** A target: a broker in its own process, which may measure itself. A contract. */

/** Ports by transport. */
export interface Ports {
  readonly tcp: number
  readonly ws?: number
  readonly tls?: number
  readonly wss?: number
  /** A TLS server of the application that passes its sockets to the broker. */
  readonly nodeTls?: number
}

export interface Measured {
  turnMs: number
  turnWithGcMs: number
  cpuMs: number
  /** Heap and buffers at the end, after a garbage collection. */
  heapMb: number
  /** Increase of the maximum resident memory over that before the attack. */
  growthMb: number
  /** Heap and buffers after the attack divided by those before, both after a garbage collection. */
  keptRatio: number
  clients: number
  drops: number
}

export interface Target {
  readonly ports: Ports
  /** Starts measuring. */
  begin(): Promise<unknown>
  /**
   * Stops measuring.
   * @returns the measurements
   */
  finish(): Promise<Partial<Measured>>
  end(): Promise<unknown>
}
