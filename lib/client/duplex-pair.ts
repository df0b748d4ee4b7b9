/**
 * Two streams joined back to back, in memory: what one end writes, the other reads.
 * Owns the joint and its back-pressure; knows nothing of MQTT.
 */
import type { Duplex as NodeDuplex } from 'node:stream'
import { Duplex } from 'readable-stream'

type Done = (error: Error | null) => void

class End extends Duplex {
  #peer: End | undefined
  /** Completes the peer's write; kept while this end is full. */
  #drained: (() => void) | undefined

  constructor() {
    // As with a socket: when the other end has finished, this one finishes too.
    super({ allowHalfOpen: false })
  }

  join(peer: End): void {
    this.#peer = peer
  }

  override _read(): void {
    const drained = this.#drained
    this.#drained = undefined
    drained?.()
  }

  // What reaches the other end does so a turn later, as over a socket: a write never calls into the reader.

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    setImmediate(() => this.#peer?.receive(chunk, done))
  }

  override _final(done: () => void): void {
    setImmediate(() => {
      this.#peer?.receiveEnd()
      done()
    })
  }

  override _destroy(error: Error | null, done: Done): void {
    setImmediate(() => this.#peer?.receiveEnd())
    this._read()
    done(error)
  }

  receive(chunk: Buffer, done: () => void): void {
    if (this.destroyed || this.push(chunk)) done()
    else this.#drained = done
  }

  receiveEnd(): void {
    if (!this.destroyed) this.push(null)
  }
}

/** Makes the pair. Either end may be handed to a broker, the other to a client. */
export function duplexPair(): [NodeDuplex, NodeDuplex] {
  const left = new End()
  const right = new End()
  left.join(right)
  right.join(left)
  return [left as unknown as NodeDuplex, right as unknown as NodeDuplex]
}
