/**
 * Two streams joined back to back, in memory: what one end writes, the other reads.
 * Owns the joint and its back-pressure; knows nothing of MQTT.
 */
import type { Duplex as NodeDuplex } from 'node:stream'
import { Duplex } from 'readable-stream'

type Done = (error: Error | null) => void

/**
 * Brings a chunk, or the end of the stream (undefined), to the other end: by a call of `deliver`, later and in order.
 * The writer waits as long.
 */
export type Carrier = (chunk: Buffer | undefined, deliver: (chunk: Buffer | undefined) => void) => void

class End extends Duplex {
  readonly #carry: Carrier
  #peer: End | undefined
  /** Completes the peer's write; kept while this end is full. */
  #drained: (() => void) | undefined

  constructor(carry: Carrier) {
    // As with a socket: when the other end has finished, this one finishes too.
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

/** Bytes reach the other end a turn later, as over a socket: a write never calls the reader. */
const nextTurn: Carrier = (chunk, deliver) => {
  setImmediate(deliver, chunk)
}

/**
 * Makes the pair. Either end may be handed to a broker, the other to a client.
 * @param toRight how what the first end writes comes to the second. @default a turn of the event loop later
 * @param toLeft the other way round
 */
export function duplexPair(toRight: Carrier = nextTurn, toLeft: Carrier = nextTurn): [NodeDuplex, NodeDuplex] {
  const left = new End(toRight)
  const right = new End(toLeft)
  left.join(right)
  right.join(left)
  return [left as unknown as NodeDuplex, right as unknown as NodeDuplex]
}
