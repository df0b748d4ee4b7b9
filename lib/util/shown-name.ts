/** User names as they are shown, stored and published. Owns what looks like a secret; must not know who sees it. */

/** A signed token, which some clients send as their user name. Whoever has it can act as the client. */
const TOKEN = /^[\w-]{10,}\.[\w-]{10,}\.[\w-]*$/

/** The user name; `(a token)` for one that is a secret. */
export function shownName<Name extends string | undefined>(username: Name): Name | '(a token)' {
  return username !== undefined && TOKEN.test(username) ? '(a token)' : username
}
