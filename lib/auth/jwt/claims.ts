/**
 * Converts the claims of a token to an identity: name, roles, groups, attributes, rules, limits. Owns their formats; an
 * invalid claim makes the whole token unusable.
 */
import type { ClientLimits } from '../../../types/client/limits.js'
import { areClientLimits } from '../../index.js'
import type { Identity, IdentityRule } from '../identity.js'
import { isFilter } from '../util/topics.js'

/** The names of the claims. */
export interface ClaimNames {
  username: string
  roles: string | undefined
  groups: string | undefined
  acl: string
  limits: string
  /** Attribute -> claim. */
  attributes: Readonly<Record<string, string>>
}

type Claims = Readonly<Record<string, unknown>>

/**
 * The identity in the claims; undefined if one is invalid.
 * @param clockToleranceS seconds for which an expired token still counts, the same as in the verification
 */
export function identityFrom(claims: Claims, names: ClaimNames, clockToleranceS: number): Identity | undefined {
  const username = claimOf(claims, names.username)
  const roles = namesIn(names.roles === undefined ? undefined : claimOf(claims, names.roles))
  const groups = namesIn(names.groups === undefined ? undefined : claimOf(claims, names.groups))
  const attributes = attributesFrom(claims, names.attributes)
  const rules = rulesFrom(claimOf(claims, names.acl))
  const limits = limitsFrom(claimOf(claims, names.limits))
  const { exp } = claims
  if (typeof username !== 'string' || username === '') return undefined
  if (roles === null || groups === null || attributes === null || rules === null || limits === null) return undefined
  return {
    username,
    roles,
    groups,
    attributes,
    ...(rules !== undefined && { rules }),
    ...(limits !== undefined && { limits }),
    ...(typeof exp === 'number' && { expiresAt: (exp + clockToleranceS) * 1000 }),
  }
}

/** A claim by its name, or by a path with dots: `realm_access.roles`. */
export function claimOf(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  let value: unknown = claims
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

/** A list, or words in one text, as in OAuth's `scope`; null for anything else. */
function namesIn(value: unknown): string[] | null {
  if (value === undefined) return []
  if (typeof value === 'string') return value.split(' ').filter(word => word !== '')
  return Array.isArray(value) && value.every(item => typeof item === 'string') ? value : null
}

function attributesFrom(claims: Claims, names: Readonly<Record<string, string>>): Record<string, string> | null {
  const attributes: Record<string, string> = Object.create(null)
  for (const [attribute, claim] of Object.entries(names)) {
    const value = claimOf(claims, claim)
    if (value === undefined) continue
    if (typeof value !== 'string' && typeof value !== 'number') return null
    attributes[attribute] = String(value)
  }
  return attributes
}

/** Rules in one of EMQX's two formats: a list of rules in order, or lists of filters by permission. */
export function rulesFrom(acl: unknown): IdentityRule[] | undefined | null {
  if (acl === undefined) return undefined
  if (Array.isArray(acl)) {
    const rules = acl.map(ruleFrom)
    return rules.every(rule => rule !== null) ? rules.filter(rule => rule !== undefined) : null
  }
  if (typeof acl !== 'object' || acl === null) return null
  const actions = { pub: 'publish', sub: 'subscribe', all: 'all' } as const
  const rules: IdentityRule[] = []
  for (const [name, filters] of Object.entries(acl)) {
    if (!Object.hasOwn(actions, name) || !Array.isArray(filters)) return null
    for (const filter of filters) {
      const rule = withFilter(filter, { permission: 'allow', action: actions[name as keyof typeof actions] })
      if (rule === null) return null
      rules.push(rule)
    }
  }
  return rules
}

/**
 * A rule in EMQX's format. Undefined for a rule that allows only under conditions which are not supported: it then
 * allows nothing.
 */
function ruleFrom(value: unknown): IdentityRule | undefined | null {
  if (typeof value !== 'object' || value === null) return null
  const { permission, action = 'all', topic, qos, retain } = value as Record<string, unknown>
  if (permission !== 'allow' && permission !== 'deny') return null
  if (action !== 'publish' && action !== 'subscribe' && action !== 'all') return null
  if (permission === 'allow' && (qos !== undefined || (retain !== undefined && retain !== 'all'))) return undefined
  return withFilter(topic, { permission, action })
}

function withFilter(text: unknown, rule: Pick<IdentityRule, 'permission' | 'action'>): IdentityRule | null {
  if (typeof text !== 'string') return null
  const exact = text.startsWith('eq ')
  const filter = (exact ? text.slice(3) : text)
    .replaceAll(/\$\{clientid\}/g, '%c')
    .replaceAll(/\$\{username\}/g, '%u')
    .replaceAll(/\$\{client_attrs\.([A-Za-z_][\w.-]*)\}/g, '%{$1}')
  // with an unknown placeholder, or with a group, a rule that denies would have no effect
  if (!isFilter(filter) || filter.includes('${') || filter.startsWith('$share/')) return null
  return { ...rule, filter, ...(exact && { exact }) }
}

/** Limits, as the broker accepts them; null for anything else. */
export function limitsFrom(value: unknown): ClientLimits | undefined | null {
  return value === undefined || areClientLimits(value) ? value : null
}
