/**
 * Publishes which clients connect and disconnect, as retained messages: each change once, the changes of one client in
 * order, and after a restart corrections of outdated messages. Owns the order; topics and payloads belong to the shape.
 */
import type { Socket } from 'node:net'
import type { Broker } from '../../types/broker/broker.js'
import type { BrokerEvents } from '../../types/broker/events.js'
import type { Client } from '../../types/client/client.js'
import type { QoS } from '../../types/message/packets.js'
import { AnaxError, checkBroker, shownName } from '../index.js'
import { type PresenceChange, type PresenceShape, SHAPES } from './shapes.js'

/** Options for the messages about clients that connect and disconnect. */
export interface PresenceOptions {
  /**
   * Topics and payloads: `state` has one topic for each client, `$SYS/presence/CLIENT`; `emqx` and `aws` those of EMQX
   * and AWS IoT Core; or your own shape. @default 'state'
   */
  shape?: keyof typeof SHAPES | PresenceShape
  /** @default 1 */
  qos?: QoS
  /**
   * Whether the message about a disconnected client is retained, or its retained message is deleted. Use `clear` for
   * clients with ever new identifiers, which would leave one message each. @default 'retain'
   */
  gone?: 'retain' | 'clear'
  /** Called if a message cannot be published. @default a process warning */
  failed?: (error: unknown) => void
}

/** Messages are published until it is closed. */
export interface Presence {
  /** Resolves when all changes so far are published. */
  settled(): Promise<void>
  close(): Promise<void>
}

/**
 * Publishes a message for each client that connects or disconnects from now on. First corrects the messages of an
 * earlier run about clients that are not connected.
 * @throws AnaxError ANAX_ERR_OPTION; ANAX_ERR_ARGUMENT without a broker
 */
export async function publishPresence(broker: Broker, options: PresenceOptions = {}): Promise<Presence> {
  checkBroker(broker)
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

  /**
   * Corrects the messages about clients that were connected when an earlier run ended. Not in a cluster, where they may
   * be connected to other nodes.
   */
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

  /** Publishes one change after the other for each client. @param stale the topic of an outdated retained message */
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
    // not by an empty message: subscribers would get it as a change
    for (const other of new Set(others)) if (other !== topic || !retain) await this.#broker.deleteRetained(other)
  }
}

/** Reads the client from a retained message, which may have any content. */
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
