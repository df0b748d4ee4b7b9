/** The identity of a broker's messages: this run of the broker, and a number in it. Owns the counter. */
import type { PublishMessage } from '../../codec/publish-message.js'

export class MessageNumbers {
  /** The broker id in the identity; unique for each run, because a store may still have messages of earlier runs. */
  readonly runId: string
  #last = 0

  constructor(runId: string) {
    this.runId = runId
  }

  /** Numbers a message. Called in the order of storing, so that numbers are in the order of the queues. */
  assign(message: PublishMessage): void {
    message.brokerId = this.runId
    message.brokerCounter = ++this.#last
  }
}
