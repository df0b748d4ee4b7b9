/**
 * Filters with placeholders for the identity of a client: `%c`, `%u`, and in typed rules `%{attribute}`. Owns how they
 * are filled in: once, without escaping. Knows no rule.
 */
import type { Identity, Subject } from '../identity.js'

/** The value of a placeholder. */
type Place = { variable: string }

/** Text and placeholders, alternating. */
export type Template = readonly (string | Place)[]

const MOSQUITTO_PLACES = /%([cu])/g
/** The placeholders of typed rules. */
export const TYPED_PLACES = /%(?:([cu])|\{([A-Za-z_][\w.-]*)\})/g

/** Splits a filter at its placeholders; undefined if it has none. */
export function templateOf(filter: string, places: 'mosquitto' | 'typed'): Template | undefined {
  const template: (string | Place)[] = []
  let at = 0
  for (const match of filter.matchAll(places === 'typed' ? TYPED_PLACES : MOSQUITTO_PLACES)) {
    if (match.index > at) template.push(filter.slice(at, match.index))
    template.push({ variable: match[1] ?? match[2]! })
    at = match.index + match[0].length
  }
  if (at === 0) return undefined
  if (at < filter.length) template.push(filter.slice(at))
  return template
}

/** The filter for a client; undefined if the client has no value for a placeholder. */
export function fill(template: Template, subject: Subject): string | undefined {
  let filter = ''
  for (const part of template) {
    const text = typeof part === 'string' ? part : valueFor(part.variable, subject)
    if (text === undefined) return undefined
    filter += text
  }
  return filter
}

/**
 * Whether the values of a client would change the meaning of a template: by a wildcard, by several levels, or, at the
 * beginning, by a `$` as in `$SYS`.
 */
export function isUnsafe(template: Template, subject: Subject, slashInNames: 'allow' | 'deny'): boolean {
  const unsafe = slashInNames === 'deny' ? /[+#/]/ : /[+#]/
  return template.some((part, index) => {
    const value = typeof part === 'string' ? undefined : valueFor(part.variable, subject)
    return value !== undefined && (unsafe.test(value) || (index === 0 && value.startsWith('$')))
  })
}

function valueFor(variable: string, { clientId, identity }: Subject): string | undefined {
  if (variable === 'c') return clientId
  if (variable === 'u') return identity.username
  return attributeOf(identity, variable)
}

function attributeOf({ attributes }: Identity, name: string): string | undefined {
  const value = attributes !== undefined && Object.hasOwn(attributes, name) ? attributes[name] : undefined
  return typeof value === 'string' ? value : undefined
}
