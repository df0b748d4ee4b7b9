/**
 * The identity of a stored will's client: what is stored with the will, and the client for it after a restart. Owns
 * which part of an identity outlives the process; must not know rules.
 */
import type { Client } from '../../../types/client/client.js'
import { type Identity, Subject } from '../identity.js'
import type { Authenticator } from '../parts.js'
import { type Origin, originOf } from '../util/origin.js'

/** Replaces the module that accepted the client, which is unknown after a restart. */
export const STORED = {}

/**
 * The value of `client.claims`. It has neither credentials nor their expiry, because a will may be due after it. Limits
 * were checked at CONNECT.
 */
interface StoredClaims {
  identity: Omit<Identity, 'expiresAt' | 'limits'>
  origin: Origin
}

/** Stores the identity of a client with a will. */
export function noteClaims(client: Client, { username, roles, groups, attributes, rules }: Identity): void {
  if (client.will === undefined) return
  const identity = {
    ...(username !== undefined && { username }),
    ...(roles && { roles }),
    ...(groups && { groups }),
    ...(attributes && { attributes: { ...attributes } }),
    ...(rules && { rules }),
  }
  client.claims = { identity, origin: originOf(client) }
}

/** The client of a stored will; undefined if nothing was stored. */
export function storedSubject({ id, claims }: Client): Subject | undefined {
  const { identity, origin } = (claims ?? {}) as Partial<StoredClaims>
  if (identity === undefined || origin === undefined) return undefined
  const { username } = identity
  const subject = new Subject({ id, username }, origin)
  subject.identify({ ...identity, username }, STORED, undefined)
  return subject
}

/** Whether a module would still accept the client, as far as this is known without its credentials. */
export async function isStillKnown(subject: Subject, authenticator: Authenticator): Promise<boolean> {
  const known = (await authenticator.mightKnow?.(subject)) ?? true
  if (known instanceof Object) subject.identify(known, STORED, undefined)
  return known !== false
}
