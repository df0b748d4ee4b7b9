/**
 * Holds messages back before they are stored, while a connected client that drains has a full queue: nothing that is
 * acknowledged is dropped then. Owns for whom a message waits; must not know what makes a queue full, nor who drains.
 */
import type { PublishMessage } from '../../codec/publish-message.js'
import type { Congestion } from '../../model/metering/congestion.js'
import type { Pressure } from '../../session/outgoing/pressure.js'

export interface BackPressureParts {
  congestion: Congestion
  /** The connected clients that get the messages of a topic. */
  clientsOf(topic: string): Iterable<string>
  /** Undefined where nothing waits, or the client is not connected. */
  pressureOf(clientId: string): Pressure | undefined
}

export class BackPressure {
  readonly #parts: BackPressureParts

  constructor(parts: BackPressureParts) {
    this.#parts = parts
  }

  /** A promise until the receivers have room; undefined if they have. A client never waits for itself. */
  hold(message: PublishMessage): Promise<void> | undefined {
    if (this.#parts.congestion.count === 0 || message.qos === 0) return undefined
    const passed = new Set([message.clientId])
    const room = this.#roomFor(message, passed)
    return room && this.#wait(message, room, passed)
  }

  async #wait(message: PublishMessage, first: Promise<void>, passed: Set<string | undefined>): Promise<void> {
    const { pressureOf } = this.#parts
    const own = message.clientId === undefined ? undefined : pressureOf(message.clientId)
    own?.hold()
    for (let room: Promise<void> | undefined = first; room !== undefined; room = this.#roomFor(message, passed)) {
      await room
    }
    own?.unhold()
  }

  /** @param passed the clients that were waited for; the next one is added */
  #roomFor({ topic }: PublishMessage, passed: Set<string | undefined>): Promise<void> | undefined {
    const { clientsOf, pressureOf } = this.#parts
    for (const clientId of clientsOf(topic)) {
      const room = passed.has(clientId) ? undefined : pressureOf(clientId)?.untilRoom()
      if (room === undefined) continue
      passed.add(clientId)
      return room
    }
    return undefined
  }
}
