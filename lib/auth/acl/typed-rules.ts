/**
 * Rules in TypeScript: for everybody, for users, for roles and groups. Owns their form and its checks;
 * typed-decisions.ts evaluates them.
 */
import { optionError } from '../options.js'
import type { Decision } from '../parts.js'
import { isFilter } from '../util/topics.js'
import { RuleTree } from './rule-tree.js'
import { type Template, TYPED_PLACES, templateOf } from './templates.js'

/** Topic filters of a rule, with the placeholders `%c`, `%u` and `%{attribute}`. */
export interface RuleTopics {
  /** The topics to publish to, as filters. */
  publish?: string | readonly string[]
  /** The filters to subscribe to and to receive. */
  subscribe?: string | readonly string[]
  /** Both. */
  all?: string | readonly string[]
}

/** The result of {@link allow} and {@link deny}. */
export interface Rule {
  readonly effect: 'allow' | 'deny'
  readonly topics: RuleTopics
}

/** The rules of one user, one role or one group. */
export interface RuleSet {
  /** @default none */
  rules?: readonly Rule[]
  /** Names of roles. @default none */
  roles?: readonly string[]
  /** Names of groups. @default none */
  groups?: readonly string[]
}

/** All rules. Everything that no rule allows is denied, and a rule that denies takes precedence over all that allow. */
export interface AccessRules {
  /** For every client, including anonymous ones. */
  everyone?: readonly Rule[]
  /** For clients without a user name. */
  anonymous?: readonly Rule[]
  /** User name -> its rules, or its rules, roles and groups. */
  users?: Readonly<Record<string, RuleSet | readonly Rule[]>> | ReadonlyMap<string, RuleSet | readonly Rule[]>
  /** Role -> its rules. */
  roles?: Readonly<Record<string, readonly Rule[]>> | ReadonlyMap<string, readonly Rule[]>
  /** Group -> its rules and roles. */
  groups?: Readonly<Record<string, RuleSet | readonly Rule[]>> | ReadonlyMap<string, RuleSet | readonly Rule[]>
}

/** Allows publishing or subscribing to matching topics. */
export function allow(topics: RuleTopics): Rule {
  return { effect: 'allow', topics }
}

/** Denies publishing or subscribing to matching topics, even if other rules allow it. */
export function deny(topics: RuleTopics): Rule {
  return { effect: 'deny', topics }
}

/** A filter of a rule. */
export interface TypedRule {
  readonly filter: string
  readonly template: Template | undefined
  readonly decision: Decision
}

/** Compiled rules. */
export interface RuleGroup {
  readonly publish: RuleTree<TypedRule>
  readonly subscribe: RuleTree<TypedRule>
  /** The same as a list, for comparing filters. */
  readonly subscriptions: readonly TypedRule[]
  /** The rules with placeholders for the client's identity. */
  readonly templates: readonly Template[]
}

/** Rules with the names of further ones. */
interface CompiledSet {
  own: RuleGroup | undefined
  roles: readonly string[]
  groups: readonly string[]
}

/** All compiled rules. */
export interface CompiledRules {
  everyone: RuleGroup | undefined
  anonymous: RuleGroup | undefined
  users: ReadonlyMap<string, CompiledSet>
  roles: ReadonlyMap<string, RuleGroup>
  groups: ReadonlyMap<string, CompiledSet>
}

const SET_MEMBERS = ['rules', 'roles', 'groups']
const MEMBERS = ['everyone', 'anonymous', 'users', 'roles', 'groups']

/**
 * Compiles rules.
 * @throws AnaxError ANAX_ERR_OPTION for an unknown name or an invalid filter
 */
export function compileRules(rules: AccessRules): CompiledRules {
  if (isList(rules)) throw optionError(`rules are an object with ${MEMBERS.join(', ')}`)
  for (const name of Object.keys(rules)) {
    if (!MEMBERS.includes(name)) throw optionError(`rules have no '${name}': ${MEMBERS.join(', ')}`)
  }
  const roles = mapValues(rules.roles, (list, name) => compileGroup(list, `role ${name}`))
  const groups = mapValues(rules.groups, (set, name) => compileSet(set, `group ${name}`))
  const users = mapValues(rules.users, (set, name) => compileSet(set, `user ${name}`))
  for (const [kind, sets] of [['group', groups] as const, ['user', users] as const]) {
    for (const [name, set] of sets) {
      const missing = set.roles.find(role => !roles.has(role)) ?? set.groups.find(group => !groups.has(group))
      if (missing !== undefined) throw optionError(`${kind} ${name}: there is no role or group '${missing}'`)
    }
  }
  return {
    everyone: rules.everyone && compileGroup(rules.everyone, 'everyone'),
    anonymous: rules.anonymous && compileGroup(rules.anonymous, 'anonymous'),
    users,
    roles,
    groups,
  }
}

function compileSet(set: RuleSet | readonly Rule[], where: string): CompiledSet {
  if (isList(set)) return { own: compileGroup(set, where), roles: [], groups: [] }
  if (typeof set !== 'object' || set === null) throw optionError(`${where}: expected rules, or an object with them`)
  const unknown = Object.keys(set).find(name => !SET_MEMBERS.includes(name))
  if (unknown !== undefined)
    throw optionError(`${where}: expected a list, or ${SET_MEMBERS.join(', ')}, not '${unknown}'`)
  const { rules, roles = [], groups = [] } = set
  return { own: rules && compileGroup(rules, where), roles, groups }
}

function compileGroup(rules: readonly Rule[], where: string): RuleGroup {
  if (!isList(rules)) throw optionError(`${where}: expected a list of rules`)
  const publish = new RuleTree<TypedRule>('typed')
  const subscribe = new RuleTree<TypedRule>('typed')
  const subscriptions: TypedRule[] = []
  const templates: Template[] = []
  for (const { effect, filter, rights } of rules.flatMap(rule => filtersOf(rule, where))) {
    const decision = decisionOf(effect, `${where}: ${effect} ${rights} ${filter}`)
    const rule = { filter, template: templateOf(filter, 'typed'), decision }
    if (rule.template !== undefined) templates.push(rule.template)
    if (rights !== 'subscribe') publish.add(filter, rule)
    if (rights === 'publish') continue
    subscribe.add(filter, rule)
    subscriptions.push(rule)
  }
  return { publish, subscribe, subscriptions, templates }
}

type Rights = keyof RuleTopics

function filtersOf(
  { effect, topics }: Rule,
  where: string,
): { effect: Rule['effect']; filter: string; rights: Rights }[] {
  if ((effect !== 'allow' && effect !== 'deny') || typeof topics !== 'object' || topics === null) {
    throw optionError(`${where}: a rule is made with allow() or deny()`)
  }
  return Object.entries(topics).flatMap(([rights, filters]: [string, string | readonly string[]]) => {
    if (rights !== 'publish' && rights !== 'subscribe' && rights !== 'all') {
      throw optionError(`${where}: a rule has publish, subscribe or all, not '${rights}'`)
    }
    return [filters].flat().map(filter => {
      if (typeof filter !== 'string' || !isFilter(filter)) throw optionError(`${where}: no topic filter: ${filter}`)
      const fault = faultOf(filter)
      if (fault !== undefined) throw optionError(`${where}: ${filter}: ${fault}`)
      return { effect, filter, rights }
    })
  })
}

/** Why a filter would never match what it is meant for. A rule that denies would then have no effect. */
function faultOf(filter: string): string | undefined {
  if (filter.startsWith('$share/')) return 'a rule has the filter without $share/ and group'
  const rest = filter.replaceAll(TYPED_PLACES, '')
  return rest.includes('%{') || rest.includes('${') ? 'places are %c, %u and %{attribute}' : undefined
}

function decisionOf(effect: Rule['effect'], rule: string): Decision {
  return effect === 'allow'
    ? { verdict: 'allow', rule, lasting: true }
    : { verdict: 'deny', code: 'rule-denies', rule, lasting: true }
}

/** Maps the values of a Map, or of an object's own properties: names such as `constructor` are ordinary names. */
function mapValues<From, To>(
  source: Readonly<Record<string, From>> | ReadonlyMap<string, From> | undefined,
  compile: (value: From, name: string) => To,
): Map<string, To> {
  const entries = source instanceof Map ? source : Object.entries(source ?? {})
  return new Map([...entries].map(([name, value]) => [name, compile(value, name)]))
}

function isList<Item>(value: unknown): value is readonly Item[] {
  return Array.isArray(value)
}
