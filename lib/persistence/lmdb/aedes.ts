/**
 * Queues and incoming packets of the base contract on the LMDB store. The broker itself does not use them.
 * Owns the translation of packets to entries. Must be called inside a change of the writer.
 */
import type { Message } from '../../../types/message/message.js'
import type { QueueDelivery, StoredRelease } from '../../../types/persistence.js'
import { noSuchPacket, toAedesPacket, toOutgoing, UNLIMITED } from '../aedes/packets.js'
import { type MessageRow, messageOf, packetOf, packetRow } from './engine/encoding.js'
import { type EnqueueParts, QueueInsertion } from './tables/enqueue.js'
import type { LmdbEntry } from './tables/queues.js'
import type { SessionRecord } from './tables/sessions.js'
import type { LmdbSubscriptions } from './tables/subscriptions.js'

/** Operations of the base contract. */
export class LmdbAedes {
  readonly #parts: EnqueueParts & { subscriptions: LmdbSubscriptions }

  constructor(parts: EnqueueParts & { subscriptions: LmdbSubscriptions }) {
    this.#parts = parts
  }

  enqueue(clientIds: readonly string[], row: MessageRow): void {
    const { qos, retain } = messageOf(row)
    const deliveries = clientIds.map((clientId): QueueDelivery => {
      this.#parts.sessions.obtain(clientId)
      return { clientId, qos, retain, subscriptionIdentifiers: undefined, share: undefined }
    })
    new QueueInsertion(this.#parts, row, UNLIMITED).enqueue(deliveries)
  }

  update(clientId: string, packet: Message | StoredRelease): void {
    const { sessions, queues } = this.#parts
    const session = sessions.find(clientId)
    if (session === undefined) throw noSuchPacket()
    if (packet.cmd === 'pubrel') {
      const entry = queues.findByPacketId(session, packet.messageId)
      if (entry === undefined) throw noSuchPacket()
      const { ref } = queues.queuedMessage(clientId, entry)!
      queues.markReleased(entry, ref, packet.messageId)
      return
    }
    const entry = queues.find(session, packet)
    if (entry === undefined) throw noSuchPacket()
    if (packet.messageId !== undefined) queues.markSent(entry, packet.messageId)
  }

  clearMessageId(clientId: string, messageId: number): Message | StoredRelease | undefined {
    const { sessions, queues } = this.#parts
    const session = sessions.find(clientId)
    const entry: LmdbEntry | undefined = session && queues.findByPacketId(session, messageId)
    if (session === undefined || entry === undefined) return undefined
    const packet = toOutgoing(queues.queuedMessage(clientId, entry)!)
    queues.remove(entry)
    this.discardIfEmpty(session)
    return packet
  }

  storeIncoming(clientId: string, packet: Message): void {
    const { sessions } = this.#parts
    if (packet.messageId === undefined) return
    sessions.addIncoming(sessions.obtain(clientId), packet.messageId, packetRow(toAedesPacket(packet, undefined)))
  }

  /** @throws AnaxError if the packet id is not known */
  incoming(clientId: string, messageId: number): { messageId: number } {
    const session = this.#parts.sessions.find(clientId)
    const packet = session && this.#parts.sessions.getIncoming(session, messageId)
    if (packet === undefined) throw noSuchPacket()
    return packet === null ? { messageId } : { ...toAedesPacket(packetOf(packet) as Message, messageId), messageId }
  }

  /** @throws AnaxError if the packet id is not known */
  deleteIncoming(clientId: string, messageId: number): void {
    const { sessions } = this.#parts
    const session = sessions.find(clientId)
    if (session === undefined || sessions.getIncoming(session, messageId) === undefined) throw noSuchPacket()
    sessions.removeIncoming(session, messageId)
    this.discardIfEmpty(session)
  }

  /** Forgets a client of which nothing is left, unless it has a session. */
  discardIfEmpty(session: SessionRecord): void {
    const { sessions, queues, subscriptions } = this.#parts
    if (session.expiryInterval !== undefined || subscriptions.hasAny(session)) return
    if (!sessions.hasIncoming(session) && queues.size(session).messages === 0) sessions.delete(session)
  }
}
