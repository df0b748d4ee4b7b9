/**
 * A message in the memory store: a copy of its fields, always of the same shape, with a payload that retains no more
 * memory than it needs. Owns copying; must not know queues or topic trees.
 */
import type { Message } from '../../types/message/message.js'
import type { PublishProperties, QoS } from '../../types/message/packets.js'
import { messageBytes } from '../codec/message-bytes.js'

/** Payloads share slabs of this size: a separate buffer would cost about 200 bytes more for each. */
const SLAB_BYTES = 8192
/** Longer payloads get their own buffer, so that one long-lived payload retains little memory. */
const MAX_SLICE_BYTES = SLAB_BYTES >> 2

/**
 * Copies payloads from received chunks. Each part of the store has its own copier, so that long-lived payloads
 * (retained messages) do not retain the slabs of short-lived ones (queues).
 */
export class PayloadKeeper {
  #slab = Buffer.alloc(0)
  #used = 0

  /** Returns the bytes if they own their memory, otherwise a copy. */
  keep(bytes: Buffer): Buffer {
    // Users of the base contract may store text, which retains no other memory.
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

/**
 * The size of a stored message, fixed when it was stored: user properties are not copied, and may have changed since.
 */
export let bytesOfStored: (message: StoredMessage) => number

/** The number of queues that contain a stored message. */
export let holdersOf: (message: StoredMessage) => number

/** Adds the reference of one queue to a stored message. */
export let hold: (message: StoredMessage) => void

/** Removes the reference of one queue to a stored message. */
export let release: (message: StoredMessage) => void

/**
 * The stored copy. Readers must not change it. Hosts receive it in events, so that only the fields of the contract are
 * public.
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
    // Users of the base contract may omit the flags.
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
