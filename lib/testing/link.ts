/**
 * The network link between one client and the broker in a test. It can be cut, frozen, delayed and corrupted. Owns the
 * bytes in transit; knows no packets.
 */
import type { Duplex } from 'node:stream'
import type { Clock } from '../../types/clock.js'
import { type Carrier, duplexPair } from '../client/index.js'
import type { Activity } from './watched/activity.js'

/** The direction of a fault on a link. */
export type Direction = 'both' | 'to-broker' | 'to-client'

type Way = Exclude<Direction, 'both'>

/** The options of a link. */
interface LinkParts {
  clock: Clock
  activity: Activity
  /** Takes the broker's end of a new connection. */
  attach(stream: Duplex): void
}

const WAYS = ['to-broker', 'to-client'] as const

/** The network link of one client. A client that reconnects gets a new connection on the same link. */
export class Link {
  readonly #parts: LinkParts
  readonly #frozen = new Set<Way>()
  readonly #held: { way: Way; carry: () => void }[] = []
  readonly #garbled = new Set<Way>()
  #delayMs = 0
  #ends: [client: Duplex, broker: Duplex] | undefined
  #abandon: () => void = () => {}

  /** For the kit only. */
  constructor(parts: LinkParts) {
    this.#parts = parts
  }

  /** Breaks the connection, as if the cable were pulled and both sides noticed: the broker publishes the will. */
  cut(): void {
    for (const end of this.#ends ?? []) end.destroy()
  }

  /** Freezes the link: both sides stay connected, but nothing arrives until it is thawed. */
  freeze(direction: Direction = 'both'): void {
    for (const way of waysOf(direction)) this.#frozen.add(way)
  }

  /** Thaws the link: delivers everything that was held back. */
  thaw(direction: Direction = 'both'): void {
    for (const way of waysOf(direction)) this.#frozen.delete(way)
    for (const held of this.#held.splice(0)) {
      if (this.#frozen.has(held.way)) this.#held.push(held)
      else held.carry()
    }
  }

  /** Delays everything by this many milliseconds of the kit's clock, in both directions; 0 ends the delay. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /**
   * The client disappears without closing the connection, as in a power failure. Only keep alive detects it.
   */
  halfOpen(): void {
    this.#abandon()
    this.#ends?.[0].destroy()
  }

  /** Corrupts the next bytes: they begin with an invalid packet type. */
  corrupt(direction: Direction = 'to-broker'): void {
    for (const way of waysOf(direction)) this.#garbled.add(way)
  }

  /** Opens a connection. @returns the client's end */
  open(): Duplex {
    let isAbandoned = false
    this.#abandon = () => {
      isAbandoned = true
    }
    const carrier = (way: Way): Carrier => {
      let busy: Promise<void> | undefined
      return (chunk, deliver) => {
        const carry = () => {
          if (!isAbandoned) deliver(chunk && this.#garble(way, chunk))
        }
        // one after the other, however long each takes
        const arriving: Promise<void> = (busy ?? Promise.resolve()).then(() => this.#travel(way, carry))
        busy = arriving
      }
    }
    const [clientEnd, brokerEnd] = duplexPair(carrier('to-broker'), carrier('to-client'))
    this.#ends = [clientEnd, brokerEnd]
    this.#parts.attach(brokerEnd)
    return clientEnd
  }

  async #travel(way: Way, carry: () => void): Promise<void> {
    const over = this.#parts.activity.begin(`bytes ${way.replace('-', ' ')}`)
    if (this.#delayMs > 0) await new Promise<void>(resolve => this.#parts.clock.setTimeout(resolve, this.#delayMs))
    else await new Promise<void>(resolve => setTurn(resolve))
    over()
    if (this.#frozen.has(way)) await new Promise<void>(resolve => this.#held.push({ way, carry: resolve }))
    carry()
  }

  #garble(way: Way, chunk: Buffer): Buffer {
    if (!this.#garbled.delete(way)) return chunk
    const garbled = Buffer.from(chunk)
    garbled[0] = 0
    return garbled
  }
}

const setTurn = setImmediate

function waysOf(direction: Direction): readonly Way[] {
  return direction === 'both' ? WAYS : [direction]
}
