/**
 * The messages that wait in memory for one client, in order. Owns how many bytes a message counts for.
 * Must not know the limits, nor why messages wait.
 */
import type { Message } from '../../types/message/message.js'
import type { UserProperties } from '../../types/message/packets.js'
import type { MessageRef } from '../../types/persistence.js'
import { propertyBytes, userPropertyBytes } from '../codec/message-bytes.js'
import { pairsOf } from '../codec/user-properties.js'
import type { Delivery } from './delivery.js'
import { Load } from './metering/load.js'

/** The approximate memory of a waiting message, in addition to its content. */
const OVERHEAD_BYTES = 64

interface Entry {
  readonly delivery: Delivery
  /** The size that was counted. The host may change the message later. */
  readonly size: number
}

export class Backlog {
  /** Entries before `#head` were removed. Moving the rest for each removal would make a long backlog quadratic. */
  #entries: (Entry | undefined)[] = []
  #head = 0
  #bytes = 0
  readonly #load: Load

  /** @param load the sum of all clients */
  constructor(load = new Load()) {
    this.#load = load
  }

  get length(): number {
    return this.#entries.length - this.#head
  }

  get bytes(): number {
    return this.#bytes
  }

  get first(): Delivery | undefined {
    return this.#entries[this.#head]?.delivery
  }

  push(delivery: Delivery, size: number): void {
    this.#entries.push({ delivery, size })
    this.#count(1, size)
  }

  /** Removes the first message; there has to be one. */
  shift(): Delivery {
    const { delivery, size } = this.#entries[this.#head]!
    this.#entries[this.#head++] = undefined
    if (this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
    this.#count(-1, -size)
    return delivery
  }

  /** Removes the first message of a broker, if its number is lower than that of another message of that broker. */
  takeBefore({ brokerId, brokerCounter }: MessageRef): Delivery | undefined {
    const index = this.#entries.findIndex(entry => entry?.delivery.message.brokerId === brokerId)
    const entry = this.#entries[index]
    if (entry === undefined || entry.delivery.message.brokerCounter >= brokerCounter) return undefined
    this.#entries.splice(index, 1)
    this.#count(-1, -entry.size)
    return entry.delivery
  }

  /** Stops counting the waiting messages, because the connection has ended. */
  close(): void {
    this.#load.waitingMessages -= this.length
    this.#load.waitingBytes -= this.#bytes
  }

  #count(messages: number, bytes: number): void {
    this.#bytes += bytes
    this.#load.waitingMessages += messages
    this.#load.waitingBytes += bytes
  }

  *[Symbol.iterator](): Generator<Delivery> {
    for (const entry of this.#entries) if (entry !== undefined) yield entry.delivery
  }
}

/** The bytes that a message counts for: all parts that a client can make large. */
export function sizeInQueue({ topic, payload, properties }: Message): number {
  const size = OVERHEAD_BYTES + topic.length + payload.length
  if (properties === undefined) return size
  const { userProperties } = properties
  return size + propertyBytes(properties) + (userProperties === undefined ? 0 : sizeOfUserProperties(userProperties))
}

/** Cached, because a message may wait for thousands of clients. */
const userPropertySizes = new WeakMap<UserProperties, number>()

function sizeOfUserProperties(properties: UserProperties): number {
  let size = userPropertySizes.get(properties)
  if (size === undefined) {
    size = userPropertyBytes(pairsOf(properties))
    userPropertySizes.set(properties, size)
  }
  return size
}
