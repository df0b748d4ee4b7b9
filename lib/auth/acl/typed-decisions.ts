/**
 * The decisions of typed rules: all rules of a client are checked, and a rule that denies wins. Owns the treatment of
 * filters wider than the rules; knows no syntax.
 */
import type { Subject } from '../identity.js'
import type { Decision } from '../parts.js'
import { covers, overlap } from '../util/topics.js'
import { fill, isUnsafe } from './templates.js'
import type { CompiledRules, RuleGroup, TypedRule } from './typed-rules.js'

export interface TypedOptions {
  slashInNames: 'allow' | 'deny'
  /** The treatment of a filter that matches more than the rules allow. */
  widerFilter: 'refuse' | 'narrow'
}

const NO_RULE: Decision = { verdict: 'deny', code: 'no-rule', lasting: true }
const UNSAFE_NAME: Decision = { verdict: 'deny', code: 'unsafe-name', lasting: true }
const NARROWED: Decision = { verdict: 'allow', rule: 'granted, and filtered at delivery', lasting: true }

/** The rules of one client. */
export class Rights {
  readonly #subject: Subject
  readonly #groups: readonly RuleGroup[]
  readonly #options: TypedOptions
  readonly #isUnsafe: boolean

  constructor(rules: CompiledRules, subject: Subject, options: TypedOptions) {
    this.#subject = subject
    this.#options = options
    this.#groups = groupsOf(rules, subject)
    this.#isUnsafe = this.#groups.some(({ templates }) =>
      templates.some(template => isUnsafe(template, subject, options.slashInNames)),
    )
  }

  publish(topic: string): Decision {
    return this.#decide('publish', topic)
  }

  receive(topic: string): Decision {
    return this.#decide('subscribe', topic)
  }

  subscribe(filter: string): Decision {
    if (this.#isUnsafe) return UNSAFE_NAME
    let covering: Decision | undefined
    let touching: Decision | undefined
    let denying: Decision | undefined
    for (const rule of this.#subscriptions()) {
      const own = rule.template === undefined ? rule.filter : fill(rule.template, this.#subject)
      if (own === undefined || !overlap(own, filter)) continue
      if (rule.decision.verdict === 'deny') {
        if (covers(own, filter)) return rule.decision
        denying ??= rule.decision
        continue
      }
      touching ??= rule.decision
      if (covers(own, filter)) covering ??= rule.decision
    }
    if (covering !== undefined && denying === undefined) return covering
    if (touching === undefined) return NO_RULE
    if (this.#options.widerFilter === 'narrow') return NARROWED
    const { rule } = denying ?? touching
    return { verdict: 'deny', code: 'wider-than-rules', lasting: true, ...(rule !== undefined && { rule }) }
  }

  #decide(right: 'publish' | 'subscribe', topic: string): Decision {
    if (this.#isUnsafe) return UNSAFE_NAME
    let allowed: Decision | undefined
    let denied: Decision | undefined
    for (const group of this.#groups) {
      group[right].match(topic, this.#subject, ({ decision }) => {
        if (decision.verdict === 'deny') denied ??= decision
        else allowed ??= decision
      })
    }
    return denied ?? allowed ?? NO_RULE
  }

  *#subscriptions(): Generator<TypedRule> {
    for (const { subscriptions } of this.#groups) yield* subscriptions
  }
}

/**
 * The rule groups of a client: for everybody, for its user name, and for its roles and groups, which come from the
 * rules and from the identity.
 */
function groupsOf({ everyone, anonymous, users, roles, groups }: CompiledRules, subject: Subject): RuleGroup[] {
  const { username, identity } = subject
  const found = new Set<RuleGroup | undefined>([everyone])
  if (username === undefined) found.add(anonymous)
  const addRoles = (names: readonly string[] = []) => {
    for (const name of names) found.add(roles.get(name))
  }
  const seen = new Set<string>()
  const addGroups = (names: readonly string[] = []) => {
    for (const name of names) {
      const group = groups.get(name)
      if (group === undefined || seen.has(name)) continue
      seen.add(name)
      found.add(group.own)
      addRoles(group.roles)
      addGroups(group.groups)
    }
  }
  const user = username === undefined ? undefined : users.get(username)
  found.add(user?.own)
  addRoles(user?.roles)
  addGroups(user?.groups)
  addRoles(identity.roles)
  addGroups(identity.groups)
  found.delete(undefined)
  return [...found] as RuleGroup[]
}
