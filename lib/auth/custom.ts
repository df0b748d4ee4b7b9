/**
 * `custom`: a check of the host's own as a module, so that it goes together with the others.
 * Owns what its answers mean; what it checks is the host's.
 */
import type { MaybePromise } from '../../types/persistence.js'
import { areClientLimits } from '../index.js'
import { identityRules } from './acl/identity-rules.js'
import { Auth } from './auth.js'
import type { Identity, Subject } from './identity.js'
import { type AuthOptions, authOptions, optionError } from './options.js'
import type { Attempt, Authenticator } from './parts.js'

/**
 * Who a client is; false for wrong credentials; undefined where it is not known here, and another module may know it.
 */
export type CustomCheck = (attempt: Attempt) => MaybePromise<Identity | false | undefined>

/** A check of the host's own. */
export interface CustomOptions extends AuthOptions {
  /** For events and explanations. @default 'custom' */
  name?: string
  /**
   * Whether it would still let in a client that it let in before, or who that client is by now: with other roles, for
   * instance. Asked at `recheck()` and `reload()`. @default yes
   */
  stillKnows?: (identity: Identity, clientId: string) => MaybePromise<boolean | Identity>
}

/**
 * Accepts clients that a function of the host accepts. The identity that it returns has its effect in all modules: its
 * name, roles and attributes in rules, its rules, its limits, and the moment at which the connection ends.
 * @throws AnaxError ANAX_ERR_OPTION where the check is no function
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

/** What is no identity would be taken for one of an anonymous client, or for one that never ends. */
function checked(value: Identity): Identity {
  const { username, roles, groups, limits, expiresAt } = value
  const hasName = typeof value === 'object' && 'username' in value && (username ?? '') === String(username ?? '')
  const areLists = [roles, groups].every(list => list === undefined || Array.isArray(list))
  const isLimited = limits === undefined || areClientLimits(limits)
  if (hasName && areLists && isLimited && (expiresAt === undefined || expiresAt >= 0)) return value
  throw optionError('custom: the function returns an identity with a username, false or undefined')
}
