/**
 * Describes one session: from its connection if the client is connected, otherwise from the store. Owns the meaning of
 * each number; must not know in which order sessions are listed.
 */

import type { SessionFilter, SessionInfo } from '../../../types/broker/inspection.js'
import type { Client } from '../../../types/client/client.js'
import type { ProtocolVersion } from '../../../types/message/packets.js'
import type { SessionPersistence, StoredSession } from '../../../types/persistence.js'
import type { Session } from '../../session/session.js'
import type { SessionOwner } from '../../session/session-directory.js'
import { shownName } from '../../util/shown-name.js'

/** A session: with its connection, or as the store keeps it. */
export type FoundSession =
  | { readonly clientId: string; readonly owner: SessionOwner; readonly stored?: undefined }
  | { readonly clientId: string; readonly owner?: undefined; readonly stored: StoredSession }

/** The fields of a session that are known without reading its queue. */
type Known = Omit<SessionInfo, 'inflight' | 'queued'>

/** Whether a session matches the filter. */
export function fits({ clientId, owner, stored }: FoundSession, filter: SessionFilter): boolean {
  const { prefix, username, address, connected } = filter
  if (prefix !== undefined && !clientId.startsWith(prefix)) return false
  if (connected !== undefined && connected !== (owner !== undefined)) return false
  const known: { username?: string | undefined; address?: string | undefined } =
    owner === undefined ? (stored.details ?? {}) : owner.client
  if (username !== undefined && shownName(known.username) !== username) return false
  return address === undefined || known.address === address
}

/** The complete description of a session. */
export async function sessionInfo(found: FoundSession, store: SessionPersistence): Promise<SessionInfo> {
  const { clientId, owner } = found
  const session = owner?.session
  const isStored = session === undefined || session.stored
  const inStore = isStored ? await store.queueSize(clientId) : { messages: 0, bytes: 0 }
  const { length, bytes } = session?.backlog ?? { length: 0, bytes: 0 }
  const queued = { messages: inStore.messages + length, bytes: inStore.bytes + bytes }
  const inflight = session === undefined ? await countInflight(store, clientId) : session.inflight
  return { ...(owner === undefined ? ofStored(found.stored) : ofConnected(owner)), inflight, queued }
}

function ofConnected({ client, session, drops, connectedAt }: SessionOwner): Known {
  const { details, stored, expiryInterval, subscriptions, incoming } = session as Session
  return {
    clientId: client.id,
    connected: true,
    stored,
    ...identityOf(client),
    createdAt: stored ? details?.createdAt : connectedAt,
    connectedAt,
    disconnectedAt: undefined,
    keepalive: client.keepalive,
    expiryInterval,
    expiresAt: undefined,
    subscriptions: subscriptions.size,
    incoming: incoming.size,
    drops,
  }
}

function identityOf({ username, address, version }: Client) {
  return { username: shownName(username), address, protocolVersion: version }
}

function ofStored({
  clientId,
  expiryInterval,
  expiresAt,
  subscriptions,
  incoming,
  details = {},
}: StoredSession): Known {
  const { username, address, protocolVersion, createdAt, connectedAt, disconnectedAt } = details
  return {
    clientId,
    connected: false,
    stored: true,
    username,
    address,
    protocolVersion: protocolVersion as ProtocolVersion | undefined,
    createdAt,
    connectedAt,
    disconnectedAt,
    keepalive: undefined,
    expiryInterval,
    expiresAt,
    subscriptions: subscriptions.length,
    incoming: incoming.length,
    drops: 0,
  }
}

async function countInflight(store: SessionPersistence, clientId: string): Promise<number> {
  let count = 0
  for await (const _ of store.inflight(clientId)) count++
  return count
}
