/**
 * Two connected streams in memory: each end reads what the other writes. Owns the connection and its back-pressure;
 * knows nothing about MQTT.
 */
import type { Duplex as NodeDuplex } from 'node:stream'
import { Duplex } from 'readable-stream'

type Done = (error: Error | null) => void

/**
 * Carries a chunk, or the end of the stream (undefined), to the other end by calling `deliver`, later and in order. The
 * writer waits until then.
 */
export type Carrier = (chunk: Buffer | undefined, deliver: (chunk: Buffer | undefined) => void) => void

class End extends Duplex {
  readonly #carry: Carrier
  #peer: End | undefined
  /** Completes the peer's write; kept while this end is full. */
  #drained: (() => void) | undefined

  constructor(carry: Carrier) {
    // As with a socket, when the other end has finished, this one finishes too.
    super({ allowHalfOpen: false })
    this.#carry = carry
  }

  join(peer: End): void {
    this.#peer = peer
  }

  override _read(): void {
    const drained = this.#drained
    this.#drained = undefined
    drained?.()
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#carry(chunk, brought => this.#peer?.receive(brought as Buffer, done))
  }

  override _final(done: () => void): void {
    this.#carry(undefined, () => {
      this.#peer?.receiveEnd()
      done()
    })
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#carry(undefined, () => this.#peer?.receiveEnd())
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

/** Bytes reach the other end one turn later, as over a socket, so a write never calls the reader. */
const nextTurn: Carrier = (chunk, deliver) => {
  setImmediate(deliver, chunk)
}

/**
 * Creates the pair. Pass one end to a broker and the other one to a client.
 * @param toRight carries data from the first end to the second. @default one turn of the event loop later
 * @param toLeft carries data in the other direction
 */
export function duplexPair(toRight: Carrier = nextTurn, toLeft: Carrier = nextTurn): [NodeDuplex, NodeDuplex] {
  const left = new End(toRight)
  const right = new End(toLeft)
  left.join(right)
  right.join(left)
  return [left as unknown as NodeDuplex, right as unknown as NodeDuplex]
}
