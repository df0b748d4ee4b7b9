/**
 * Filters with places for what a client is: `%c`, `%u`, and in typed rules `%{attribute}`.
 * Owns how they are filled in: literally, and once. Knows no rule.
 */
import type { Identity, Subject } from '../identity.js'

/** The value of a placeholder. */
type Place = { variable: string }

/** Text and places, in turns. */
export type Template = readonly (string | Place)[]

const MOSQUITTO_PLACES = /%([cu])/g
/** Places of typed rules. */
export const TYPED_PLACES = /%(?:([cu])|\{([A-Za-z_][\w.-]*)\})/g

/** Takes a filter apart; undefined where it has no place. */
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

/** The filter for a client; undefined where it lacks something that the filter has a place for. */
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
 * Whether what a client is would make another filter of a template than is meant: a wildcard, several levels, or at the
 * beginning a topic that wildcards do not match, such as those of `$SYS`.
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
