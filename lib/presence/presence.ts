/**
 * Publishes who comes and goes as retained messages: each once, those of one client in order, and after a restart those
 * that are not true any more. Owns the order; what is written is the shape's.
 */
import type { Socket } from 'node:net'
import type { Broker } from '../../types/broker.js'
import type { Client } from '../../types/client.js'
import type { BrokerEvents } from '../../types/events.js'
import type { QoS } from '../../types/packets.js'
import { AnaxError, shownName } from '../index.js'
import { type PresenceChange, type PresenceShape, SHAPES } from './shapes.js'

/** Options for the messages about clients that come and go. */
export interface PresenceOptions {
  /**
   * Topics and payloads: `state` has one topic for each client, `$SYS/presence/CLIENT`; `emqx` and `aws` those of EMQX
   * and AWS IoT Core; or a shape of your own. @default 'state'
   */
  shape?: keyof typeof SHAPES | PresenceShape
  /** @default 1 */
  qos?: QoS
  /**
   * Whether the message about a client that has gone stays, or what is retained of it is deleted. Clients with an
   * identifier of the day leave a message each. @default 'retain'
   */
  gone?: 'retain' | 'clear'
  /** Told where a message cannot be published. @default a warning of the process */
  failed?: (error: unknown) => void
}

/** Messages are published until it is closed. */
export interface Presence {
  /** Resolves when all that happened so far is published. */
  settled(): Promise<void>
  close(): Promise<void>
}

/**
 * Publishes, from now on, a message for each client that comes or goes. Those of an earlier run about clients that are
 * not here are corrected first.
 * @throws AnaxError ANAX_ERR_OPTION
 */
export async function publishPresence(broker: Broker, options: PresenceOptions = {}): Promise<Presence> {
  const publisher = new PresencePublisher(broker, options)
  await publisher.start()
  return publisher
}

class PresencePublisher implements Presence {
  readonly #broker: Broker
  readonly #shape: PresenceShape
  readonly #qos: QoS
  readonly #gone: 'retain' | 'clear'
  readonly #failed: (error: unknown) => void
  /** Pending messages, by client. */
  readonly #pending = new Map<string, Promise<void>>()
  readonly #connections = new WeakMap<Client, number>()
  #count = 0

  constructor(broker: Broker, { shape = 'state', qos = 1, gone = 'retain', failed }: PresenceOptions) {
    const chosen = typeof shape === 'string' ? SHAPES[shape] : shape
    if (typeof chosen?.message !== 'function') throw optionError("shape is 'state', 'emqx', 'aws', or has a message()")
    if (![0, 1, 2].includes(qos)) throw optionError('qos is 0, 1 or 2')
    if (gone !== 'retain' && gone !== 'clear') throw optionError("gone is 'retain' or 'clear'")
    this.#broker = broker
    this.#shape = chosen
    this.#qos = qos
    this.#gone = gone
    this.#failed = failed ?? (error => process.emitWarning(error as Error))
  }

  async start(): Promise<void> {
    this.#broker.on('client', this.#came)
    this.#broker.on('clientDisconnect', this.#went)
    for (const client of Object.values(this.#broker.clients)) this.#came(client)
    await this.#correct()
    await this.settled()
  }

  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending.values())
  }

  async close(): Promise<void> {
    this.#broker.off('client', this.#came)
    this.#broker.off('clientDisconnect', this.#went)
    await this.settled()
  }

  readonly #came = (client: Client): void => {
    this.#connections.set(client, ++this.#count)
    this.#publish(this.#changeOf(client, { connected: true, reason: undefined, reasonCode: undefined }))
  }

  readonly #went = (client: Client, { reason, reasonCode }: BrokerEvents['clientDisconnect'][1]): void => {
    this.#publish(this.#changeOf(client, { connected: false, reason, reasonCode }))
  }

  #changeOf(client: Client, how: Pick<PresenceChange, 'connected' | 'reason' | 'reasonCode'>): PresenceChange {
    const { id: clientId, username, principal, address, version, keepalive, clean, conn, req } = client
    const { localPort: port } = (req?.socket ?? conn) as Socket
    const connection = this.#connections.get(client) ?? 0
    const { id: brokerId } = this.#broker
    const names = { username: shownName(username), principal: shownName(principal) }
    const who = { clientId, ...names, address, port, version, keepalive, clean }
    return { ...who, brokerId, at: Date.now(), connection, ...how }
  }

  /** Clients that were connected when an earlier run ended are not any more. In a cluster others may have them. */
  async #correct(): Promise<void> {
    const { connected, clientOf } = this.#shape
    if (connected === undefined || clientOf === undefined || this.#broker.cluster !== undefined) return
    for await (const { topic, payload } of this.#broker.retained(connected)) {
      const clientId = clientIn(topic, payload, clientOf)
      if (clientId === undefined || this.#broker.clients[clientId] !== undefined) continue
      this.#publish(
        {
          ...{ connected: false, clientId, brokerId: this.#broker.id, at: Date.now(), connection: 0 },
          ...{ username: undefined, principal: undefined, address: undefined, port: undefined, version: undefined },
          ...{ keepalive: undefined, clean: undefined, reason: 'restart', reasonCode: undefined },
        },
        topic,
      )
    }
  }

  /** One after the other for each client. @param stale a retained message that is not true any more */
  #publish(change: PresenceChange, stale?: string): void {
    const { clientId } = change
    const before = this.#pending.get(clientId) ?? Promise.resolve()
    const now = before.then(() => this.#write(change, stale)).catch(this.#failed)
    this.#pending.set(clientId, now)
    now.finally(() => {
      if (this.#pending.get(clientId) === now) this.#pending.delete(clientId)
    })
  }

  async #write(change: PresenceChange, stale: string | undefined): Promise<void> {
    // the broker closes its clients when it closes: the next start corrects what was retained
    if (this.#broker.closed) return
    const { topic, payload, clears = [] } = this.#shape.message(change)
    const retain = change.connected || this.#gone === 'retain'
    await this.#broker.publish({ topic, payload, qos: this.#qos, retain })
    const others = [...clears, ...(stale === undefined ? [] : [stale]), ...(retain ? [] : [topic])]
    // not by an empty message: those who receive changes would get it as one
    for (const other of new Set(others)) if (other !== topic || !retain) await this.#broker.deleteRetained(other)
  }
}

/** What is there may be anything: whoever wrote it. */
function clientIn(
  topic: string,
  payload: Buffer,
  clientOf: NonNullable<PresenceShape['clientOf']>,
): string | undefined {
  try {
    return clientOf(topic, payload)
  } catch {
    return undefined
  }
}

function optionError(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_OPTION', { detail })
}
