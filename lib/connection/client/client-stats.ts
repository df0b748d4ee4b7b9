/** Collects the current numbers of one connection from its parts. Counts nothing itself. */
import type { ClientStats } from '../../../types/client/stats.js'
import type { Channel } from '../channel.js'

/** Returns the numbers of a client. */
export function clientStats({ traffic, session, connectedAt, drops, unsentBytes }: Channel): ClientStats {
  const { length: messages, bytes } = session?.backlog ?? { length: 0, bytes: 0 }
  return {
    connectedAt,
    received: { bytes: traffic.bytesReceived, packets: traffic.packetsReceived, messages: traffic.messagesReceived },
    sent: { bytes: traffic.bytesSent, packets: traffic.packetsSent, messages: traffic.messagesSent },
    inflight: session?.inflight ?? 0,
    waiting: { messages, bytes },
    unsentBytes,
    drops,
  }
}
