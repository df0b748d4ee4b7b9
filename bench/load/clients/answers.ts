/**
 * What a client of the load answers to packets: PUBACK, PUBREC, PUBREL, PUBCOMP. Knows bytes, and no reason to send
 * them.
 */
import type { Client } from './client.js'

/**
 * `joined`: one write for all that a chunk is answered with; `segments`: a write, and so a segment, for each packet.
 */
export type Writes = 'joined' | 'segments'

export class Answers {
  readonly #client: Client
  readonly #writes: Writes
  #bytes: number[] = []

  constructor(client: Client, writes: Writes) {
    this.#client = client
    this.#writes = writes
  }

  /** @param at where in `packet` the packet identifier is that is answered */
  add(first: number, packet: Buffer, at: number): void {
    this.#bytes.push(first, 2, packet[at]!, packet[at + 1]!)
    if (this.#writes === 'segments') this.flush()
  }

  /** At the end of a chunk. */
  flush(): void {
    if (this.#bytes.length === 0) return
    this.#client.write(Buffer.from(this.#bytes))
    this.#bytes = []
  }
}
