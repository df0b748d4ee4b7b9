/**
 * Who left a will that a store has kept: what is noted with the will, and the client that it comes to after a restart.
 * Owns which part of an identity outlives the process; must not know rules.
 */
import type { Client } from '../../../types/client.js'
import { type Identity, Subject } from '../identity.js'
import type { Authenticator } from '../parts.js'
import { type Origin, originOf } from '../util/origin.js'

/** In place of the module that let the client in, which is not known any more. */
export const STORED = {}

/** As `client.claims`. Neither credentials nor their end: a will may be due after it. Limits were checked in CONNECT. */
interface StoredClaims {
  identity: Omit<Identity, 'expiresAt' | 'limits'>
  origin: Origin
}

/** Notes who a client is, if it leaves a will. */
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

/** The client of a stored will; undefined where nothing was noted. */
export function storedSubject({ id, claims }: Client): Subject | undefined {
  const { identity, origin } = (claims ?? {}) as Partial<StoredClaims>
  if (identity === undefined || origin === undefined) return undefined
  const { username } = identity
  const subject = new Subject({ id, username }, origin)
  subject.identify({ ...identity, username }, STORED, undefined)
  return subject
}

/** Whether somebody would still let it in, as far as that can be told without its credentials. */
export async function isStillKnown(subject: Subject, authenticator: Authenticator): Promise<boolean> {
  const known = (await authenticator.mightKnow?.(subject)) ?? true
  if (known instanceof Object) subject.identify(known, STORED, undefined)
  return known !== false
}
