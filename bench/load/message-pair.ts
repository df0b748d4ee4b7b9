/**
 * A publisher and a subscriber of a broker in this process, with streams in memory: a QoS 0 message without the cost of
 * sockets. Owns the two clients; measures nothing.
 */
import { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { encode } from '../../lib/codec/index.js'
import type { Broker } from '../../types/broker/broker.js'

const TOPIC = 'a/b/c'
const PAYLOAD_BYTES = 64

/** MQTT 3.1.1. */
const VERSION = 4

export class MessagePair {
  readonly #publisher: Duplex
  readonly #packet: Buffer
  readonly #chunk: Buffer
  readonly #perChunk: number
  #written = 0

  private constructor(broker: Broker, encoder: typeof encode, perChunk: number) {
    const message = { topic: TOPIC, payload: Buffer.alloc(PAYLOAD_BYTES), qos: 0, retain: false, dup: false } as const
    this.#packet = encoder({ cmd: 'publish', ...message }, VERSION)
    this.#chunk = Buffer.concat(Array.from({ length: perChunk }, () => this.#packet))
    this.#perChunk = perChunk
    this.#publisher = this.#attach(broker)
  }

  /** @param encoder of the same checkout as the broker @param perChunk messages in one chunk */
  static async connect(broker: Broker, encoder: typeof encode, perChunk: number): Promise<MessagePair> {
    const pair = new MessagePair(broker, encoder, perChunk)
    const subscriber = pair.#attach(broker)
    const connect = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: VERSION, clean: true, keepalive: 0 } as const
    await push(pair.#publisher, encoder({ ...connect, clientId: 'publisher' }, VERSION))
    await push(subscriber, encoder({ ...connect, clientId: 'subscriber' }, VERSION))
    const subscriptions = [{ topic: TOPIC, qos: 0 }] as const
    await push(subscriber, encoder({ cmd: 'subscribe', messageId: 1, subscriptions: [...subscriptions] }, VERSION))
    return pair
  }

  /** Sends chunks, each in its own turn. Throws unless the subscriber got every message. */
  async send(chunks: number): Promise<void> {
    this.#written = 0
    for (let sent = 0; sent < chunks; sent++) await push(this.#publisher, this.#chunk)
    if (this.#written !== chunks * this.#perChunk * this.#packet.length) {
      throw new Error(`${this.#written} bytes were delivered`)
    }
  }

  #attach(broker: Broker): Duplex {
    const stream = new Duplex({
      read() {},
      write: (chunk: Buffer, _encoding, done) => {
        this.#written += chunk.length
        done()
      },
    })
    broker.handle(stream)
    return stream
  }
}

/** Resolves when the broker has handled it and written its answer. */
async function push(stream: Duplex, chunk: Buffer): Promise<void> {
  stream.push(chunk)
  await nextTurn()
  await nextTurn()
}
