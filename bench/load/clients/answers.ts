/** The answers of a load client: PUBACK, PUBREC, PUBREL, PUBCOMP. Knows bytes, and not why they are sent. */
import type { Client } from './client.js'

/** `joined`: one write for all answers to a chunk; `segments`: a write, and so a TCP segment, for each packet. */
export type Writes = 'joined' | 'segments'

export class Answers {
  readonly #client: Client
  readonly #writes: Writes
  #bytes: number[] = []

  constructor(client: Client, writes: Writes) {
    this.#client = client
    this.#writes = writes
  }

  /** @param at the offset of the packet identifier in `packet` */
  add(first: number, packet: Buffer, at: number): void {
    this.#bytes.push(first, 2, packet[at]!, packet[at + 1]!)
    if (this.#writes === 'segments') this.flush()
  }

  /** Called at the end of a chunk. */
  flush(): void {
    if (this.#bytes.length === 0) return
    this.#client.write(Buffer.from(this.#bytes))
    this.#bytes = []
  }
}
