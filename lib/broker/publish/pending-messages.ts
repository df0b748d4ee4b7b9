/**
 * This broker's messages that are in queues and not routed yet, found by number. With a synchronous store and bus there
 * is usually one, or a few nested ones that listeners of the host published. The first few are kept in an array,
 * because hashing took 5 % of the time of a stored message.
 */
import type { PublishMessage } from '../../codec/publish-message.js'

const FEW = 8

export class PendingMessages {
  readonly #few: PublishMessage[] = []
  readonly #others = new Map<number, PublishMessage>()

  get size(): number {
    return this.#few.length + this.#others.size
  }

  add(message: PublishMessage): void {
    if (this.#few.length < FEW) this.#few.push(message)
    else this.#others.set(message.brokerCounter, message)
  }

  /** @param number the message's `brokerCounter` */
  get(number: number): PublishMessage | undefined {
    for (const message of this.#few) if (message.brokerCounter === number) return message
    return this.#others.get(number)
  }

  /** Removes a message, if it is there. */
  delete(message: PublishMessage): void {
    const index = this.#few.lastIndexOf(message)
    if (index !== -1) {
      if (index === this.#few.length - 1) this.#few.pop()
      else this.#few.splice(index, 1)
    } else if (this.#others.get(message.brokerCounter) === message) {
      this.#others.delete(message.brokerCounter)
    }
  }
}
