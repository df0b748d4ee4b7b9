/**
 * `anonymous`: clients without a user name, and what they may do.
 * Owns that nobody else passes here; rules are those of aclFile.
 */
import { type AclOptions, type AclSource, aclAuthorizer } from './acl/acl-file.js'
import { Auth } from './auth.js'
import { only } from './combine.js'
import { authOptions } from './options.js'
import type { Authenticator } from './parts.js'

/** The permissions of anonymous clients. */
export interface AnonymousOptions extends AclOptions {
  /** Rules as `aclFile` takes them. @default what the modules that it is put together with allow */
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
