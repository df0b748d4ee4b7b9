/**
 * `custom`: a module for the host's own check, so that it can be combined with others. Owns the meaning of its answers;
 * the host owns the check.
 */
import type { MaybePromise } from '../../types/persistence.js'
import { areClientLimits } from '../index.js'
import { identityRules } from './acl/identity-rules.js'
import { Auth } from './auth.js'
import type { Identity, Subject } from './identity.js'
import { type AuthOptions, authOptions, optionError } from './options.js'
import type { Attempt, Authenticator } from './parts.js'

/** Returns the identity of a client, false for wrong credentials, or undefined to leave the client to other modules. */
export type CustomCheck = (attempt: Attempt) => MaybePromise<Identity | false | undefined>

/** Options of `custom`. */
export interface CustomOptions extends AuthOptions {
  /** Name of the module in events and explanations. @default 'custom' */
  name?: string
  /**
   * Returns whether an accepted client may stay, or its current identity, for example with other roles. Called at
   * `recheck()` and `reload()`. @default yes
   */
  stillKnows?: (identity: Identity, clientId: string) => MaybePromise<boolean | Identity>
}

/**
 * Accepts clients that a function of the host accepts. The returned identity applies in all modules: its name, roles
 * and attributes in rules, its own rules, its limits, and the time when the connection ends.
 * @throws AnaxError ANAX_ERR_OPTION if the check is not a function
 */
export function custom(check: CustomCheck, options: CustomOptions = {}): Auth {
  if (typeof check !== 'function') throw optionError('custom takes a function')
  const { name = 'custom', stillKnows } = options
  const stillKnown = async ({ identity, clientId }: Pick<Subject, 'identity' | 'clientId'>) => {
    const known = await stillKnows!(identity, clientId)
    return known ? known === true || checked(known) : false
  }
  const authenticator: Authenticator = {
    name,
    async authenticate(attempt) {
      const identity = await check(attempt)
      if (identity === undefined) return undefined
      return identity
        ? { identity: checked(identity), by: authenticator }
        : { denied: 'wrong-password', by: authenticator }
    },
    ...(stillKnows && { stillKnows: stillKnown, mightKnow: stillKnown }),
  }
  return new Auth({ authenticator, authorizer: identityRules(name) }, authOptions(options))
}

/** Checks the answer: an invalid identity would count as that of an anonymous client, or as one that never ends. */
function checked(value: Identity): Identity {
  const { username, roles, groups, limits, expiresAt } = value
  const hasName = typeof value === 'object' && 'username' in value && (username ?? '') === String(username ?? '')
  const areLists = [roles, groups].every(list => list === undefined || Array.isArray(list))
  const isLimited = limits === undefined || areClientLimits(limits)
  if (hasName && areLists && isLimited && (expiresAt === undefined || expiresAt >= 0)) return value
  throw optionError('custom: the function returns an identity with a username, false or undefined')
}
