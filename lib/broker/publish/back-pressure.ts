/**
 * Slows publishers down to the pace of connected receivers whose queues drain. Messages of clients wait before they are
 * stored, so that no acknowledged message is dropped; the host waits after its message was delivered. Owns which
 * receivers are waited for; must not know when a queue is full or drains.
 */
import type { PublishMessage } from '../../codec/publish-message.js'
import type { Congestion } from '../../model/metering/congestion.js'
import type { Pressure } from '../../session/outgoing/pressure.js'
import { keepProcessAlive } from '../../util/scheduling/process-alive.js'

export interface BackPressureParts {
  congestion: Congestion
  /** The connected clients that may get the messages of a topic. */
  clientsOf(topic: string, members?: 'with members'): Iterable<string>
  /** Undefined if nothing waits, or the client is not connected. */
  pressureOf(clientId: string): Pressure | undefined
}

/**
 * Maximum number of waiting calls of the host. Further calls do not wait: if the host does not await its calls, waiting
 * ones would only fill the memory.
 */
const MOST_CALLS = 1000

export class BackPressure {
  readonly #parts: BackPressureParts
  #calls = 0

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

  /**
   * A publisher within this process waits for this before its next message. The current one is already delivered, so a
   * publisher that does not wait delays nobody.
   * @returns a promise until the receivers have room; undefined if they have room, or do not drain
   */
  roomForNext({ topic }: PublishMessage): Promise<void> | undefined {
    const { congestion, clientsOf, pressureOf } = this.#parts
    if (congestion.busy === 0 || this.#calls >= MOST_CALLS) return undefined
    const rooms: Promise<void>[] = []
    for (const clientId of new Set(clientsOf(topic, 'with members'))) {
      const room = pressureOf(clientId)?.untilCalm()
      if (room !== undefined) rooms.push(room)
    }
    return rooms.length === 0 ? undefined : this.#waitForAll(rooms)
  }

  async #waitForAll(rooms: readonly Promise<void>[]): Promise<void> {
    const letEnd = keepProcessAlive()
    this.#calls++
    await Promise.all(rooms)
    this.#calls--
    letEnd()
  }

  async #wait(message: PublishMessage, first: Promise<void>, passed: Set<string | undefined>): Promise<void> {
    const { pressureOf } = this.#parts
    const own = message.clientId === undefined ? undefined : pressureOf(message.clientId)
    const letEnd = message.clientId === undefined ? keepProcessAlive() : undefined
    own?.hold()
    for (let room: Promise<void> | undefined = first; room !== undefined; room = this.#roomFor(message, passed)) {
      await room
    }
    own?.unhold()
    letEnd?.()
  }

  /** @param passed the clients that were already waited for; the next one is added */
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
