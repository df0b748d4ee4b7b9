/**
 * Whether a client that was accepted before would be accepted now: asks the module that accepted it. Owns which module
 * that is; must not know what follows from the answer.
 */
import type { Subject } from '../identity.js'
import type { Authenticator } from '../parts.js'

/**
 * Asks again, and adopts a changed identity.
 * @returns the module that would no longer accept the client; undefined if the client may stay
 */
export async function withdrawnBy(subject: Subject): Promise<Authenticator | undefined> {
  const by = subject.provenBy as Authenticator | undefined
  const known = (await by?.stillKnows?.(subject)) ?? true
  if (known === false) return by
  if (known !== true) subject.identify(known, by!, subject.proof)
  return undefined
}
