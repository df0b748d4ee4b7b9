/**
 * Iterates all sessions in order: those of connected clients, and those that only the store has. Works in steps and
 * yields to the event loop between them. Owns the order and that no session is listed twice; must not know how a
 * session is described.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SessionPersistence, StoredSession } from '../../../types/persistence.js'
import { compareNames } from '../../util/collections/sorted-names.js'
import type { ConnectedClients } from '../sessions/connected-clients.js'
import type { FoundSession } from './session-info.js'

/** Sessions examined in one step. */
const STEP = 100

/** The sources of sessions. */
export interface WalkParts {
  readonly store: SessionPersistence
  readonly connected: ConnectedClients
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** The start of the iteration, and the sessions that it can skip. */
export interface WalkRange {
  /** Only sessions after this client identifier. */
  after: string | undefined
  /** The prefix of the client identifiers. */
  prefix: string
  /** Restricts the sessions to those of connected clients, or to the others. */
  connected: boolean | undefined
}

/** One session by its identifier. */
export async function findSession(parts: WalkParts, clientId: string): Promise<FoundSession | undefined> {
  const stored = parts.connected.has(clientId) ? undefined : await parts.store.openSession(clientId)
  return found(parts, clientId, stored)
}

/** The sessions in the order of their identifiers' UTF-8 bytes. */
export async function* walkSessions(parts: WalkParts, range: WalkRange): AsyncGenerator<FoundSession> {
  const { prefix } = range
  let { after } = range
  if (prefix !== '' && (after === undefined || compareNames(after, prefix) < 0)) {
    const first = await findSession(parts, prefix)
    if (first !== undefined) yield first
    after = prefix
  }
  for (;;) {
    const step = await readStep(parts, after, range.connected)
    for (const clientId of step.names) {
      if (!clientId.startsWith(prefix)) return
      const session = found(parts, clientId, step.stored.get(clientId))
      if (session !== undefined) yield session
    }
    after = step.names.at(-1)
    if (after === undefined) return
    await nextTurn()
  }
}

/** The next identifiers, up to the end of the shorter list. */
async function readStep(parts: WalkParts, after: string | undefined, connected: boolean | undefined) {
  const inStore = connected === true ? [] : ((await parts.store.sessionsAfter?.(after, STEP)) ?? [])
  const stored = new Map(inStore.map(session => [session.clientId, session]))
  const live = connected === false ? [] : parts.connected.after(after, STEP)
  const lastStored = inStore.at(-1)?.clientId
  const lastLive = live.length < STEP ? undefined : live.at(-1)
  const names = [...new Set([...live, ...stored.keys()])].sort(compareNames)
  const isReached = (name: string) =>
    (lastStored === undefined || compareNames(name, lastStored) <= 0) &&
    (lastLive === undefined || compareNames(name, lastLive) <= 0)
  return { names: names.filter(isReached), stored }
}

/** The current state: the client may have connected or disconnected since the store was read. */
function found({ connected, now }: WalkParts, clientId: string, stored: StoredSession | undefined) {
  const owner = connected.ownerOf(clientId)
  if (owner?.session !== undefined) return { clientId, owner }
  if (stored === undefined || (stored.expiresAt !== undefined && stored.expiresAt <= now())) return undefined
  return { clientId, stored }
}
