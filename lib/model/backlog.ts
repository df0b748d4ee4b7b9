/**
 * Messages that wait in memory for one client, in order, and how much they are.
 * Owns what a message counts for; must not know the bounds, nor why they wait.
 */
import type { Message } from '../../types/message.js'
import type { UserProperties } from '../../types/packets.js'
import type { MessageRef } from '../../types/persistence.js'
import { propertyBytes, userPropertyBytes } from '../codec/message-bytes.js'
import { pairsOf } from '../codec/user-properties.js'
import type { Delivery } from './delivery.js'

/** What a waiting message costs beside its content, roughly: an empty one is not free. */
const OVERHEAD_BYTES = 64

interface Entry {
  readonly delivery: Delivery
  /** As it was counted: the host may change a message meanwhile. */
  readonly size: number
}

export class Backlog {
  /** Those in front of `#head` are gone: an array that is moved up for each would make a long one quadratic. */
  #entries: (Entry | undefined)[] = []
  #head = 0
  #bytes = 0

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
    this.#bytes += size
  }

  /** Takes the first out; there must be one. */
  shift(): Delivery {
    const { delivery, size } = this.#entries[this.#head]!
    this.#entries[this.#head++] = undefined
    if (this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
    this.#bytes -= size
    return delivery
  }

  /** Takes out the first of a broker's messages, where it has a lower number than another one of that broker. */
  takeBefore({ brokerId, brokerCounter }: MessageRef): Delivery | undefined {
    const index = this.#entries.findIndex(entry => entry?.delivery.message.brokerId === brokerId)
    const entry = this.#entries[index]
    if (entry === undefined || entry.delivery.message.brokerCounter >= brokerCounter) return undefined
    this.#entries.splice(index, 1)
    this.#bytes -= entry.size
    return entry.delivery
  }

  *[Symbol.iterator](): Generator<Delivery> {
    for (const entry of this.#entries) if (entry !== undefined) yield entry.delivery
  }
}

/** What a message counts for: all of it that a client could make large. */
export function sizeInQueue({ topic, payload, properties }: Message): number {
  const size = OVERHEAD_BYTES + topic.length + payload.length
  if (properties === undefined) return size
  const { userProperties } = properties
  return size + propertyBytes(properties) + (userProperties === undefined ? 0 : sizeOfUserProperties(userProperties))
}

/** Counted once: a message may wait for thousands of clients. */
const userPropertySizes = new WeakMap<UserProperties, number>()

function sizeOfUserProperties(properties: UserProperties): number {
  let size = userPropertySizes.get(properties)
  if (size === undefined) {
    size = userPropertyBytes(pairsOf(properties))
    userPropertySizes.set(properties, size)
  }
  return size
}
