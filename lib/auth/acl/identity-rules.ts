/**
 * Rules that came with a client's credentials: the first matching rule decides. Owns the decision; must not know the
 * source of the rules.
 */
import type { IdentityRule, Subject } from '../identity.js'
import type { Authorizer, Decision } from '../parts.js'
import { UNKNOWN } from '../parts.js'
import { covers, matches, overlap } from '../util/topics.js'
import { fill, isUnsafe, templateOf } from './templates.js'

const NO_RULE: Decision = { verdict: 'deny', code: 'no-rule', lasting: true }
const UNSAFE_NAME: Decision = { verdict: 'deny', code: 'unsafe-name', lasting: true }

/** An authorizer that leaves clients without such rules to others. */
export function identityRules(name: string): Authorizer {
  const decideTopic = (subject: Subject, action: 'publish' | 'subscribe', topic: string) =>
    decide(subject, action, rule => (appliesTo(rule, topic) ? rule.permission : undefined))
  return {
    name,
    publish: (subject, topic) => decideTopic(subject, 'publish', topic),
    receive: (subject, topic) => decideTopic(subject, 'subscribe', topic),
    subscribe: (subject, filter) => decide(subject, 'subscribe', rule => judgeFilter(rule, filter)),
  }
}

/** A rule whose placeholders are filled in. */
type OwnRule = Pick<IdentityRule, 'permission' | 'filter' | 'exact'>

function decide(
  subject: Subject,
  action: 'publish' | 'subscribe',
  judge: (rule: OwnRule) => 'allow' | 'deny' | 'wider' | undefined,
): Decision {
  const { rules } = subject.identity
  if (rules === undefined) return UNKNOWN
  let wider: string | undefined
  for (const rule of rules) {
    if (rule.action !== action && rule.action !== 'all') continue
    const filter = ownFilter(rule, subject)
    if (filter === UNSAFE_NAME) return UNSAFE_NAME
    if (typeof filter !== 'string') continue
    const verdict = judge({ ...rule, filter })
    const text = `${rule.permission} ${rule.action} ${rule.filter}`
    if (verdict === 'allow') return { verdict, rule: text, lasting: true }
    if (verdict === 'deny') return { verdict, code: 'rule-denies', rule: text, lasting: true }
    if (verdict === 'wider') wider ??= text
  }
  return wider === undefined ? NO_RULE : { verdict: 'deny', code: 'wider-than-rules', rule: wider, lasting: true }
}

/** The filter for this client; undefined if the client has no value for a placeholder. */
function ownFilter({ filter }: IdentityRule, subject: Subject): string | Decision | undefined {
  const template = templateOf(filter, 'typed')
  if (template === undefined) return filter
  if (isUnsafe(template, subject, 'deny')) return UNSAFE_NAME
  return fill(template, subject)
}

function appliesTo({ filter, exact }: OwnRule, topic: string): boolean {
  return exact === true ? filter === topic : matches(filter, topic)
}

/**
 * A rule that denies applies if it has any topic in common with the filter. A rule that allows must cover the whole
 * filter.
 */
function judgeFilter(
  { permission, filter: own, exact }: OwnRule,
  filter: string,
): 'allow' | 'deny' | 'wider' | undefined {
  if (exact === true) return own === filter ? permission : undefined
  if (!overlap(own, filter)) return undefined
  if (permission === 'deny') return 'deny'
  return covers(own, filter) ? 'allow' : 'wider'
}
