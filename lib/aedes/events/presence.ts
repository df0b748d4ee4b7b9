/**
 * The messages below `$SYS/` that brokers on one bus exchange: heartbeats, new and ended clients and subscriptions,
 * clients that have moved to another broker, wills of failed brokers. Owns the timers.
 */
import type { Bus, BusMessage } from '../../../types/bus.js'
import type { PublishInput } from '../../../types/client/client.js'
import type { AedesPersistence, StoredWill } from '../../../types/persistence.js'

const SYS = '$SYS/'

/** A broker counts as failed after this many missed heartbeats. */
const MISSED_HEARTBEATS = 3

/** Wills of failed brokers are searched once in this many heartbeats. */
const HEARTBEATS_BETWEEN_WILLS = 4

/** The broker as this part sees it. */
export interface PresenceParts {
  readonly id: string
  readonly mq: Bus
  readonly persistence: AedesPersistence
  readonly heartbeatInterval: number
  publish(packet: PublishInput): Promise<void>
  /** Publishes a will of a failed broker, if that is allowed. */
  publishWill(will: StoredWill): Promise<void>
  /** Disconnects the client with that identifier, if it is connected here. */
  leave(clientId: string): void
  /** Called when another broker has started. */
  born(brokerId: string): void
  failed(error: Error): void
}

export class Presence {
  /** Broker identifier -> time of its last message, in milliseconds since the epoch. */
  readonly brokers = Object.create(null) as Record<string, number>
  readonly #parts: PresenceParts
  #timers: NodeJS.Timeout[] = []
  #isStopped = false

  constructor(parts: PresenceParts) {
    this.#parts = parts
  }

  async start(): Promise<void> {
    const { id, mq, heartbeatInterval, leave, born } = this.#parts
    if (!this.#isStopped) await this.say('birth', id)
    // the broker may be closed before it has started
    if (this.#isStopped) return
    this.#timers = [
      setInterval(() => this.say('heartbeat', id), heartbeatInterval),
      setInterval(() => this.#clearWills(), heartbeatInterval * HEARTBEATS_BETWEEN_WILLS),
    ]
    this.#hear(mq, 'heartbeat', ({ payload }) => {
      this.brokers[String(payload)] = Date.now()
    })
    this.#hear(mq, 'birth', ({ payload }) => {
      if (String(payload) !== id) born(String(payload))
    })
    this.#hear(mq, 'new/clients', ({ topic, payload }) => {
      if (topic.split('/')[1] !== id) leave(String(payload))
    })
  }

  stop(): void {
    this.#isStopped = true
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** Publishes below `$SYS/<id>/`. */
  async say(what: string, payload: string): Promise<void> {
    const { id, publish } = this.#parts
    // nobody waits for messages that cannot be published while the broker closes
    await publish({ topic: `${SYS}${id}/${what}`, payload }).catch(() => {})
  }

  #hear(mq: Bus, what: string, listener: (message: BusMessage & { payload: unknown }) => void): void {
    mq.on(`${SYS}+/${what}`, (message: BusMessage & { payload: unknown; clientId?: unknown }, done) => {
      done()
      // messages of clients are ignored
      if (message.clientId === undefined || message.clientId === null) listener(message)
    })
  }

  async #clearWills(): Promise<void> {
    const { persistence, heartbeatInterval, publishWill, failed } = this.#parts
    const oldest = Date.now() - MISSED_HEARTBEATS * heartbeatInterval
    for (const [id, heard] of Object.entries(this.brokers)) if (heard < oldest) delete this.brokers[id]
    try {
      const wills = await persistence.streamWill(this.brokers)
      for await (const will of wills) {
        const { brokerId, clientId } = will
        if (brokerId === undefined || brokerId === this.#parts.id || this.brokers[brokerId] !== undefined) continue
        await publishWill(will)
        await persistence.delWill({ id: clientId ?? '', brokerId })
      }
    } catch (error) {
      failed(error as Error)
    }
  }
}
