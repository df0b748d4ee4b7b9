/**
 * The decisions of a Mosquitto ACL file, the same as in Mosquitto 2.0. Owns the order of the rules; knows no line of
 * the file.
 */
import type { Subject } from '../identity.js'
import type { Decision } from '../parts.js'
import type { MosquittoRule, MosquittoRules } from './mosquitto-file.js'
import type { RuleTree } from './rule-tree.js'

const GRANTED: Decision = {
  verdict: 'allow',
  rule: 'a subscription is granted, and filtered at delivery',
  lasting: true,
}
const NO_RULE: Decision = { verdict: 'deny', code: 'no-rule', lasting: true }
const UNSAFE_NAME: Decision = { verdict: 'deny', code: 'unsafe-name', lasting: true }
const RESERVED: Decision = { verdict: 'deny', code: 'reserved-topic', lasting: true }

/** The two permissions. */
type Right = 'read' | 'write'

export interface MosquittoOptions {
  /** Whether a user name or client identifier with `/` is denied if there are patterns, like those with `+` and `#`. */
  slashInNames: 'allow' | 'deny'
}

/**
 * Checks topic rules of the user, `deny` first; then patterns, `deny` first. Everything that no rule allows is denied.
 */
export function decide(
  { users, patterns }: MosquittoRules,
  subject: Subject,
  right: Right,
  topic: string,
  { slashInNames }: MosquittoOptions,
): Decision {
  if (topic.startsWith('$share')) return RESERVED
  const own = users.get(subject.username)
  const decided = own && strongest(own, subject, right, topic)
  if (decided !== undefined) return decided
  if (patterns.size === 0) return NO_RULE
  const unsafe = slashInNames === 'deny' ? /[+#/]/ : /[+#]/
  if (unsafe.test(subject.clientId) || (subject.username !== undefined && unsafe.test(subject.username))) {
    return UNSAFE_NAME
  }
  return strongest(patterns, subject, right, topic) ?? NO_RULE
}

/** Mosquitto grants every subscription, and checks each message. */
export function decideSubscribe(): Decision {
  return GRANTED
}

function strongest(
  rules: RuleTree<MosquittoRule>,
  subject: Subject,
  right: Right,
  topic: string,
): Decision | undefined {
  let allowed: Decision | undefined
  let denied: Decision | undefined
  rules.match(topic, subject, rule => {
    if (!rule.read && !rule.write) denied ??= rule.decision
    else if (rule[right]) allowed ??= rule.decision
  })
  return denied ?? allowed
}
