/** What is attacked: a broker in a process of its own, which measures itself or does not. A contract. */

/** Where it listens, by transport. */
export interface Ports {
  readonly tcp: number
  readonly ws?: number
  readonly tls?: number
  readonly wss?: number
  /** A server of the application that hands its sockets over. */
  readonly nodeTls?: number
}

export interface Measured {
  turnMs: number
  turnWithGcMs: number
  cpuMs: number
  /** Heap and buffers at the end, after a garbage collection. */
  heapMb: number
  /** Resident memory at its highest, above that of before the attack. */
  growthMb: number
  /** Heap and buffers after the attack as a share of those before, both after a garbage collection. */
  keptRatio: number
  clients: number
  drops: number
}

export interface Target {
  readonly ports: Ports
  /** Begins to measure. */
  begin(): Promise<unknown>
  /** What it measured since. */
  finish(): Promise<Partial<Measured>>
  end(): Promise<unknown>
}
