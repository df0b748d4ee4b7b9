/**
 * Sessions and delayed wills of disconnected MQTT 5.0 clients, and their limit. Owns the lists; must not know the
 * content of a session.
 */
import type { Disconnection, SessionEndReason } from '../../../types/broker/events.js'
import type { Message } from '../../../types/message/message.js'
import type { Will } from '../../../types/message/packets.js'
import { type Broker, ReasonCode } from '../../index.js'
import type { AedesClient } from '../client.js'
import type { AedesEvents } from '../types.js'

/** The broker as this part sees it. */
export interface PendingSessionsParts {
  readonly broker: Pick<Broker, 'session' | 'deleteSession'>
  /** The option `pendingSessionsLimit`. */
  readonly limit: number
  emit<Name extends keyof AedesEvents>(event: Name, ...args: AedesEvents[Name]): void
}

export class PendingSessions {
  /** Client identifier -> the client that has the session. */
  readonly sessions = new Map<string, AedesClient>()
  /** Client identifier -> its delayed will. */
  readonly wills = new Map<string, Will>()
  readonly #parts: PendingSessionsParts

  constructor(parts: PendingSessionsParts) {
    this.#parts = parts
  }

  /** Called when a client has disconnected: its session may stay, and its will may be delayed. */
  async left(client: AedesClient, { reason, reasonCode }: Disconnection): Promise<void> {
    const { broker, limit, emit } = this.#parts
    if (client.id === null || client.sessionExpiryInterval === 0) return
    const session = await broker.session(client.id)
    if (session === undefined || session.connected) return
    const isPublished = reason !== 'client' || reasonCode !== ReasonCode.NormalDisconnection
    const isFull = limit > 0 && this.sessions.size >= limit
    if (isPublished && isDelayed(client.will)) {
      if (isFull) emit('sessionLimitReached', client, { reason: 'willDelay', limit })
      else this.wills.set(client.id, client.will)
    }
    if (!isFull) {
      this.sessions.set(client.id, client)
      return
    }
    emit('sessionLimitReached', client, { reason: 'sessionExpiry', limit })
    // this publishes the will as well
    await broker.deleteSession(client.id)
  }

  /** Called when the client has reconnected. */
  back(clientId: string): void {
    this.sessions.delete(clientId)
    this.wills.delete(clientId)
  }

  /** Called when the session has ended. */
  ended(clientId: string, reason: SessionEndReason): void {
    const client = this.sessions.get(clientId)
    this.back(clientId)
    if (client !== undefined && reason === 'expired') this.#parts.emit('sessionExpired', client)
  }

  /** Called when a message was published that may be a will. */
  published({ clientId, topic }: Message): void {
    if (clientId !== undefined && this.wills.get(clientId)?.topic === topic) this.wills.delete(clientId)
  }

  /** Called when the broker closes: delayed wills stay in the store. @param clients the connected clients */
  close(clients: AedesClient[]): void {
    for (const client of clients) {
      const { will } = client
      if (isDelayed(will) && client.sessionExpiryInterval > 0) this.#parts.emit('willDropped', client, will)
    }
    this.sessions.clear()
    this.wills.clear()
  }
}

function isDelayed(will: Will | null): will is Will {
  return (will?.properties?.willDelayInterval ?? 0) > 0
}
