/**
 * `anonymous`: accepts clients without a user name, and may have rules for them. Owns that no other client is accepted
 * here; aclFile evaluates the rules.
 */
import { type AclOptions, type AclSource, aclAuthorizer } from './acl/acl-file.js'
import { Auth } from './auth.js'
import { only } from './combine.js'
import { authOptions } from './options.js'
import type { Authenticator } from './parts.js'

/** The permissions of anonymous clients. */
export interface AnonymousOptions extends AclOptions {
  /** Rules for `aclFile`. @default those of the other modules */
  acl?: AclSource
}

/** Accepts clients without a user name. Clients with one are left to other modules. */
export function anonymous({ acl, ...options }: AnonymousOptions = {}): Auth {
  const authenticator: Authenticator = {
    name: 'anonymous',
    authenticate: ({ username }) =>
      username === undefined ? { identity: { username: undefined }, by: authenticator } : undefined,
    mightKnow: ({ username }) => username === undefined,
  }
  if (acl === undefined) return new Auth({ authenticator }, authOptions(options))
  const authorizer = only(aclAuthorizer(acl, options), ({ username }) => username === undefined)
  return new Auth({ authenticator, authorizer }, authOptions(options))
}
