/**
 * A message as the memory store keeps it: a copy of the message's own fields, of one shape, with a payload that pins
 * no more memory than it needs. Owns copying; knows no queue and no topic tree.
 */
import type { Message } from '../../types/message.js'
import type { PublishProperties, QoS } from '../../types/packets.js'
import { messageBytes } from '../codec/message-bytes.js'

/** Payloads share slabs of this size: each with a buffer of its own would cost some 200 bytes more. */
const SLAB_BYTES = 8192
/** Longer ones get a buffer of their own, so that one survivor pins little. */
const MAX_SLICE_BYTES = SLAB_BYTES >> 2

/**
 * Copies payloads out of the chunks they arrived in. Each part of the store has its own: what is kept for long
 * (retained) shall not pin the slabs of what soon goes (queues).
 */
export class PayloadKeeper {
  #slab = Buffer.alloc(0)
  #used = 0

  /** The bytes themselves where they own their memory, else a copy that does. */
  keep(bytes: Buffer): Buffer {
    // Whoever uses the base contract may store text; text pins nothing.
    if (typeof bytes === 'string' || bytes.buffer.byteLength <= 2 * bytes.length) return bytes
    const copy = bytes.length > MAX_SLICE_BYTES ? Buffer.allocUnsafeSlow(bytes.length) : this.#slice(bytes.length)
    bytes.copy(copy)
    return copy
  }

  #slice(length: number): Buffer {
    if (this.#used + length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#used = 0
    }
    const slice = this.#slab.subarray(this.#used, this.#used + length)
    this.#used += length
    return slice
  }
}

/** What a kept message counts for, even if somebody has changed its user properties since: those are not copied. */
export let bytesOfStored: (message: StoredMessage) => number

/** How many queues hold a kept message. */
export let holdersOf: (message: StoredMessage) => number

/** One more queue holds a kept message. */
export let hold: (message: StoredMessage) => void

/** One queue less holds a kept message. */
export let release: (message: StoredMessage) => void

/**
 * The kept copy. Whoever reads it from the store must not change it. Hosts get it in events, so that only the fields of
 * the contract are public.
 */
export class StoredMessage implements Message {
  readonly cmd = 'publish'
  readonly brokerId: string
  readonly brokerCounter: number
  readonly topic: string
  readonly payload: Buffer
  readonly qos: QoS
  readonly retain: boolean
  readonly dup: boolean
  readonly messageId = undefined
  readonly clientId: string | undefined
  readonly username: string | undefined
  readonly receivedAt: number | undefined
  readonly properties: PublishProperties | undefined
  readonly messageExpiry: number | undefined
  readonly #bytes: number
  #holders = 0

  constructor(message: Message, keeper: PayloadKeeper) {
    this.brokerId = message.brokerId
    this.brokerCounter = message.brokerCounter
    this.topic = message.topic
    this.payload = keeper.keep(message.payload)
    this.qos = message.qos
    // Users of the base contract may leave the flags out.
    this.retain = message.retain ?? false
    this.dup = message.dup ?? false
    this.clientId = message.clientId
    this.username = message.username
    this.receivedAt = message.receivedAt
    this.properties = keepProperties(message.properties, keeper)
    this.messageExpiry = message.messageExpiry
    this.#bytes = messageBytes(message)
  }

  static {
    bytesOfStored = message => message.#bytes
    holdersOf = message => message.#holders
    hold = message => {
      message.#holders++
    }
    release = message => {
      message.#holders--
    }
  }
}

function keepProperties(
  properties: PublishProperties | undefined,
  keeper: PayloadKeeper,
): PublishProperties | undefined {
  if (properties === undefined) return undefined
  const kept = { ...properties }
  if (kept.correlationData !== undefined) kept.correlationData = keeper.keep(kept.correlationData)
  return kept
}
