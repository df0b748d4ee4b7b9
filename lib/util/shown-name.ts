/** Formats user names to be shown, stored and published. Owns which names are secrets; must not know who sees them. */

/** A signed token, which some clients send as their user name. Whoever has it can act as the client. */
const TOKEN = /^[\w-]{10,}\.[\w-]{10,}\.[\w-]*$/

/** The user name, or `(a token)` if it is a secret. */
export function shownName<Name extends string | undefined>(username: Name): Name | '(a token)' {
  return username !== undefined && TOKEN.test(username) ? '(a token)' : username
}
