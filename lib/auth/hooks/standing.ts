/**
 * Whether a client that was let in before would be let in now: asks the module that did so.
 * Owns which module that is; must not know what follows from the answer.
 */
import type { Subject } from '../identity.js'
import type { Authenticator } from '../parts.js'

/**
 * Asks again, and takes over another identity where there is one by now.
 * @returns the module that would not let it in any more; undefined where the client may stay
 */
export async function withdrawnBy(subject: Subject): Promise<Authenticator | undefined> {
  const by = subject.provenBy as Authenticator | undefined
  const known = (await by?.stillKnows?.(subject)) ?? true
  if (known === false) return by
  if (known !== true) subject.identify(known, by!, subject.proof)
  return undefined
}
